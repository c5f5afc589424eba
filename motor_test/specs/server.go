package specs

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// server is the deployment for the tests. client is always a client of the driver. It prepares the collections and
// checks their contents.
type server struct {
	uri      string
	multiple string // the connection string of clients with useMultipleMongoses; differs for a load balancer
	embedded bool   // the embedded server, or a similar one
	client   *mongo.Client

	version    []int
	topology   string
	auth       bool
	mechanisms []string
	parameters bson.Raw
}

func connect(ctx context.Context, uri, multiple string) (*server, error) {
	opts := options.Client().ApplyURI(uri)
	client, err := mongo.Connect(opts)
	if err != nil {
		return nil, err
	}
	s := &server{uri: uri, multiple: multiple, client: client, auth: opts.Auth != nil && opts.Auth.Username != ""}
	if opts.LoadBalanced != nil && *opts.LoadBalanced {
		s.topology = "load-balanced" // a server only tells that in the handshake
	}
	if err := s.learn(ctx); err != nil {
		_ = client.Disconnect(ctx)
		return nil, fmt.Errorf("cannot identify the server: %w", err)
	}
	return s, nil
}

func (s *server) learn(ctx context.Context) error {
	admin := s.client.Database("admin")
	var build struct {
		Version  string `bson:"version"`
		FerretDB string `bson:"ferretdbVersion"`
	}
	if err := admin.RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&build); err != nil {
		return err
	}
	s.version = versionOf(build.Version)
	s.embedded = build.FerretDB != ""
	var hello struct {
		SetName string `bson:"setName"`
		Msg     string `bson:"msg"`
	}
	if err := admin.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return err
	}
	switch {
	case s.topology != "":
	case hello.Msg == "isdbgrid":
		s.topology = "sharded"
	case hello.SetName != "":
		s.topology = "replicaset"
	default:
		s.topology = "single"
	}
	// A server without getParameter has no parameters that a test can require.
	s.parameters, _ = admin.RunCommand(ctx, bson.D{{Key: "getParameter", Value: "*"}}).Raw()
	var parameters struct {
		Mechanisms []string `bson:"authenticationMechanisms"`
	}
	if s.parameters != nil && bson.Unmarshal(s.parameters, &parameters) == nil {
		s.mechanisms = parameters.Mechanisms
	}
	return nil
}

func (s *server) isTopology(name string) bool {
	return name == s.topology || name == "sharded-replicaset" && s.topology == "sharded"
}

// clean drops the databases that the files of the suites use.
func (s *server) clean(ctx context.Context, all []*suite) {
	dropped := map[string]bool{}
	for _, suite := range all {
		for _, f := range suite.files {
			for _, data := range f.file.InitialData {
				if !dropped[data.Database] {
					dropped[data.Database] = true
					_ = s.client.Database(data.Database).Drop(ctx) // an error leaves only an unused database
				}
			}
		}
	}
}

func (s *server) close(ctx context.Context) error { return s.client.Disconnect(ctx) }
