package contract_test

import (
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor"
)

// codeCommandNotFound is the code of a command that the server does not know.
const codeCommandNotFound = 59

// serverIs reports whether the version of the server is at least major.minor.
func serverIs(t *testing.T, client *motor.Client, major, minor int32) bool {
	t.Helper()
	info, err := client.ServerInfo(t.Context()).Await(t.Context())
	noError(t, err)
	version, _ := info["versionArray"].(bson.A)
	if len(version) < 2 {
		t.Fatalf("buildInfo has the versionArray %v, want at least 2 numbers", info["versionArray"])
	}
	return slices.Compare([]int32{version[0].(int32), version[1].(int32)}, []int32{major, minor}) >= 0
}

// skipWithoutJavaScript skips a test of functions in JavaScript if the server says that it cannot run them.
func skipWithoutJavaScript(t *testing.T) {
	t.Helper()
	client := newClient(t)
	info, err := client.ServerInfo(t.Context()).Await(t.Context())
	noError(t, err)
	if engine := info["javascriptEngine"]; engine == "none" {
		t.Skip("the server was built without a JavaScript engine")
	}
	started, err := client.Database("admin").Command(t.Context(), "getCmdLineOpts").Await(t.Context())
	if err != nil {
		return // the user may not ask
	}
	parsed, _ := started["parsed"].(bson.M)
	if security, _ := parsed["security"].(bson.M); security["javascriptEnabled"] == false {
		t.Skip("the server was started without JavaScript")
	}
}
