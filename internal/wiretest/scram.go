package wiretest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Scram is a user that a peer asks for, with SCRAM-SHA-1 or SCRAM-SHA-256 (RFC 5802).
type Scram struct {
	Mechanism, User, Password string

	Iterations   int  // 0: 4096
	BadSignature bool // the server cannot prove that it knows the password
	HangUp       bool // the server closes the connection in the middle of the conversation
}

// RequireScram makes a peer authenticate its clients. A wrong user or password fails with code 18.
func (p *Peer) RequireScram(s Scram) {
	if s.Iterations == 0 {
		s.Iterations = 4096
	}
	var mu sync.Mutex
	conversations := map[int]*conversation{}
	p.Handle("saslStart", func(r *Request) {
		mu.Lock()
		defer mu.Unlock()
		c := &conversation{Scram: s}
		conversations[r.Connection] = c
		first, err := c.first(payload(r))
		if mechanism, _ := r.Command.Lookup("mechanism").StringValueOK(); err != nil || mechanism != s.Mechanism {
			r.Fail(18, "AuthenticationFailed", "Authentication failed.")
			return
		}
		r.OK(bson.M{"conversationId": 1, "done": false, "payload": []byte(first)})
	})
	p.Handle("saslContinue", func(r *Request) {
		mu.Lock()
		defer mu.Unlock()
		last, err := conversations[r.Connection].last(payload(r))
		switch {
		case s.HangUp:
			r.HangUp()
		case err != nil:
			r.Fail(18, "AuthenticationFailed", "Authentication failed.")
		default:
			r.OK(bson.M{"conversationId": 1, "done": true, "payload": []byte(last)})
		}
	})
}

func payload(r *Request) string {
	_, data, _ := r.Command.Lookup("payload").BinaryOK()
	return string(data)
}

// conversation is the server's side of one authentication.
type conversation struct {
	Scram
	clientFirst, serverFirst, nonce string
}

var salt = []byte("0123456789abcdef")

// first answers the client's first message, "n,,n=user,r=nonce".
func (c *conversation) first(message string) (string, error) {
	bare, ok := strings.CutPrefix(message, "n,,")
	user, nonce, found := strings.Cut(strings.TrimPrefix(bare, "n="), ",r=")
	if !ok || !found || user != c.User {
		return "", fmt.Errorf("unknown user in %q", message)
	}
	c.clientFirst, c.nonce = bare, nonce+"server"
	c.serverFirst = fmt.Sprintf("r=%s,s=%s,i=%d", c.nonce, base64.StdEncoding.EncodeToString(salt), c.Iterations)
	return c.serverFirst, nil
}

// last answers the client's last message, "c=biws,r=nonce,p=proof".
func (c *conversation) last(message string) (string, error) {
	without, proof, _ := strings.Cut(message, ",p=")
	if without != "c=biws,r="+c.nonce {
		return "", fmt.Errorf("invalid message %q", message)
	}
	given, err := base64.StdEncoding.DecodeString(proof)
	if err != nil {
		return "", err
	}
	digest, password := sha256.New, c.Password
	if c.Mechanism == "SCRAM-SHA-1" {
		sum := md5.Sum([]byte(c.User + ":mongo:" + c.Password))
		digest, password = sha1.New, hex.EncodeToString(sum[:])
	}
	salted, err := pbkdf2.Key(digest, password, salt, c.Iterations, digest().Size())
	if err != nil {
		return "", err
	}
	signed := c.clientFirst + "," + c.serverFirst + "," + without
	clientKey := mac(digest, salted, "Client Key")
	hashed := digest()
	hashed.Write(clientKey)
	signature := mac(digest, hashed.Sum(nil), signed)
	for i := range clientKey {
		clientKey[i] ^= signature[i]
	}
	if !bytes.Equal(clientKey, given) {
		return "", fmt.Errorf("wrong password")
	}
	server := mac(digest, mac(digest, salted, "Server Key"), signed)
	if c.BadSignature {
		server[0] ^= 1
	}
	return "v=" + base64.StdEncoding.EncodeToString(server), nil
}

func mac(digest func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(digest, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}
