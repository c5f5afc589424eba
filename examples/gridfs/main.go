// Gridfs uploads a text file to GridFS in pieces, and reads its last lines. It uploads a file of 24 MiB and downloads it
// again, each with a bar on a terminal. Then it serves the files over HTTP, as Motor's GridFSHandler does, and requests
// one of them three times, as a browser would.
//
// It starts an embedded MongoDB-compatible server, or uses the server that MONGODB_URI names. It drops the database
// gridfs_example before and after its work.
//
//	go run ./examples/gridfs
//
// With -listen it continues to serve the file, so that you can open it in a browser:
//
//	go run ./examples/gridfs -listen localhost:8080
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/examples/internal/display"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor/web"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func main() {
	address := flag.String("listen", "", "continue to serve on this `address`, such as localhost:8080")
	flag.Parse()
	if err := run(context.Background(), *address); err != nil {
		log.Fatal("gridfs: ", err)
	}
}

func run(ctx context.Context, address string) error {
	server, err := mongotest.Run(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	client, err := motor.NewClient(server.URI())
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	db := client.Database("gridfs_example")
	if _, err := db.Command(ctx, "dropDatabase").Await(ctx); err != nil {
		return err
	}
	defer db.Command(ctx, "dropDatabase")

	bucket, err := motor.NewGridFSBucket(db, options.GridFSBucket().SetChunkSizeBytes(16*1024))
	if err != nil {
		return err
	}
	if err := upload(ctx, bucket); err != nil {
		return err
	}
	if err := download(ctx, bucket); err != nil {
		return err
	}
	if err := large(ctx, db); err != nil {
		return err
	}
	return serve(ctx, db, address)
}

// upload writes a file line by line. If a write fails, Scope removes the incomplete file.
func upload(ctx context.Context, bucket *motor.GridFSBucket) error {
	metadata := options.GridFSUpload().SetMetadata(bson.M{"lang": "en"})
	in := bucket.OpenUploadStream("bottles.txt", metadata)
	err := in.Scope(ctx, func(in *motor.GridIn) error {
		for n := 2000; n > 0; n-- {
			line := fmt.Sprintf("%d green bottles hanging on the wall\n", n)
			if _, err := in.Write(ctx, line).Await(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("uploaded %s: %d bytes in chunks of %d\n", in.Name(), in.Length(), in.ChunkSize())
	return nil
}

// download finds the English files and prints the last lines of each.
func download(ctx context.Context, bucket *motor.GridFSBucket) error {
	for out, err := range bucket.Find(bson.M{"metadata.lang": "en"}).All(ctx) {
		if err != nil {
			return err
		}
		if _, err := out.Seek(-80, io.SeekEnd); err != nil {
			return err
		}
		for {
			line, err := out.ReadLine(ctx, -1).Await(ctx)
			if err != nil {
				return err
			}
			if len(line) == 0 {
				break
			}
			fmt.Printf("  %q\n", line)
		}
	}
	return nil
}

// large uploads a large file, downloads it, and compares both.
func large(ctx context.Context, db *motor.Database) error {
	bucket, err := motor.NewGridFSBucket(db)
	if err != nil {
		return err
	}
	show := display.New(os.Stdout)
	file := bytes.Repeat([]byte("0123456789abcdef"), 24<<20/16)
	id, err := display.Follow(ctx, show, "upload", func(ctx context.Context) *future.Future[bson.ObjectID] {
		return bucket.UploadFromStream(ctx, "digits", bytes.NewReader(file))
	})
	if err != nil {
		return err
	}
	digest := sha256.New()
	_, err = display.Follow(ctx, show, "download", func(ctx context.Context) *future.Future[int64] {
		return bucket.DownloadToStream(ctx, id, digest)
	})
	if want := sha256.Sum256(file); err == nil && !bytes.Equal(digest.Sum(nil), want[:]) {
		err = errors.New("the downloaded file differs from the uploaded one")
	}
	return err
}

// serve serves the files over HTTP. It requests one of them: the whole file, the file if it has changed, and a part.
func serve(ctx context.Context, db *motor.Database, address string) error {
	handler, err := web.NewGridFSHandler(db, "")
	if err != nil {
		return err
	}
	handler.GetCacheTime = func(string, time.Time, string) time.Duration { return time.Hour }
	listenOn := address
	if listenOn == "" {
		listenOn = "localhost:0"
	}
	listener, err := net.Listen("tcp", listenOn)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/files/{filename...}", handler)
	site := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- site.Serve(listener) }()
	defer site.Close()

	url := fmt.Sprintf("http://%s/files/bottles.txt", listener.Addr())
	first, err := get(ctx, url, "", "")
	if err != nil {
		return err
	}
	for _, header := range [][2]string{{"If-None-Match", first.Get("Etag")}, {"Range", "bytes=0-34"}} {
		if _, err := get(ctx, url, header[0], header[1]); err != nil {
			return err
		}
	}
	if address == "" {
		return nil
	}
	fmt.Println("serving", url)
	return <-served
}

func get(ctx context.Context, url, name, value string) (http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if name != "" {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	fmt.Printf("GET %s: %s, %d bytes of %s, %s\n", request.URL.Path, response.Status, n, response.Header.Get("Content-Type"), response.Header.Get("Cache-Control"))
	return response.Header, err
}
