package specs_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor_test/specs"
)

// streamFile tests operations of change streams, with a server that sends one change in the third round trip.
const streamFile = `{
  "description": "change streams on a scripted peer", "schemaVersion": "1.7",
  "createEntities": [
    {"client": {"id": "client", "observeEvents": ["commandStartedEvent"]}},
    {"database": {"id": "database", "client": "client", "databaseName": "d"}},
    {"collection": {"id": "collection", "database": "database", "collectionName": "c"}}
  ],
  "runOnRequirements": [{"minServerVersion": "4.0.0", "topologies": ["replicaset"]}],
  "tests": [
    {"description": "of a collection", "operations": [
      {"name": "createChangeStream", "object": "collection", "saveResultAsEntity": "stream",
       "arguments": {"pipeline": [{"$match": {"a": 1}}], "fullDocument": "updateLookup", "batchSize": 2,
         "showExpandedEvents": true, "comment": {"by": "test"}}},
      {"name": "iterateOnce", "object": "stream"},
      {"name": "iterateUntilDocumentOrError", "object": "stream",
       "expectResult": {"operationType": "insert", "fullDocument": {"_id": 1}}},
      {"name": "close", "object": "stream"}
     ],
     "expectEvents": [{"client": "client", "ignoreExtraEvents": true, "events": [{"commandStartedEvent": {"databaseName": "d", "command": {
       "aggregate": "c", "comment": {"by": "test"}, "cursor": {"batchSize": 2},
       "pipeline": [{"$changeStream": {"fullDocument": "updateLookup", "showExpandedEvents": true}}, {"$match": {"a": 1}}]}}}]}]},
    {"description": "of a database", "operations": [
      {"name": "createChangeStream", "object": "database", "saveResultAsEntity": "stream", "arguments": {"pipeline": []}},
      {"name": "iterateUntilDocumentOrError", "object": "stream", "expectResult": {"fullDocument": {"_id": 1}}}
     ],
     "expectEvents": [{"client": "client", "ignoreExtraEvents": true, "events": [{"commandStartedEvent": {"databaseName": "d", "command": {
       "aggregate": 1, "pipeline": [{"$changeStream": {}}]}}}]}]},
    {"description": "of a client", "operations": [
      {"name": "createChangeStream", "object": "client", "saveResultAsEntity": "stream", "arguments": {"pipeline": []}},
      {"name": "iterateUntilDocumentOrError", "object": "stream", "expectResult": {"fullDocument": {"_id": 1}}}
     ],
     "expectEvents": [{"client": "client", "ignoreExtraEvents": true, "events": [{"commandStartedEvent": {"databaseName": "admin", "command": {
       "aggregate": 1, "pipeline": [{"$changeStream": {"allChangesForCluster": true}}]}}}]}]},
    {"description": "an error", "operations": [
      {"name": "createChangeStream", "object": "collection", "arguments": {"pipeline": [{"$unsupported": 1}]},
       "expectError": {"errorCode": 40324}}]}
  ]
}`

// TestRunnerChangeStreams uses a scripted peer, since the embedded server has no change streams.
func TestRunnerChangeStreams(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("buildInfo", func(r *wiretest.Request) { r.OK(bson.M{"version": "7.0.0"}) })
	for _, name := range []string{"getParameter", "killAllSessions"} {
		peer.Handle(name, func(r *wiretest.Request) { r.Fail(59, "CommandNotFound", "no such command") })
	}
	for _, name := range []string{"drop", "dropDatabase", "create"} {
		peer.Handle(name, func(r *wiretest.Request) { r.OK() })
	}
	var trips int
	batch := func(r *wiretest.Request, name string, docs ...any) {
		r.OK(bson.M{"cursor": bson.M{"id": int64(7), "ns": "d.c", name: append(bson.A{}, docs...), "postBatchResumeToken": bson.M{"_data": "1"}}})
	}
	peer.Handle("aggregate", func(r *wiretest.Request) {
		if _, err := r.Command.LookupErr("pipeline", "1", "$unsupported"); err == nil {
			r.Fail(40324, "Location40324", "Unrecognized pipeline stage name")
			return
		}
		trips = 1 // tests run one after the other
		batch(r, "firstBatch")
	})
	peer.Handle("getMore", func(r *wiretest.Request) {
		if trips++; trips < 3 {
			batch(r, "nextBatch")
			return
		}
		batch(r, "nextBatch", bson.M{"_id": bson.M{"_data": "1"}, "operationType": "insert", "fullDocument": bson.M{"_id": 1}})
	})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "streams.json"), []byte(streamFile), 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := specs.Run(t.Context(), specs.Config{Dir: dir, URI: peer.URI()})
	if err != nil {
		t.Fatal(err)
	}
	if want := 4 * len(specs.Styles); len(report.Results) != want {
		t.Errorf("got %d results, want %d", len(report.Results), want)
	}
	for _, r := range report.Results {
		if r.Verdict != specs.Passed {
			t.Errorf("%s: %s: got %v (%s), want passed", r.Style, r.Test, r.Verdict, r.Reason)
		}
	}
	if n, want := len(peer.Seen("killCursors")), 3*len(specs.Styles); n < want {
		t.Errorf("got %d killCursors, want at least %d", n, want)
	}
}
