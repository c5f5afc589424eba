package specs

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// trace records what a test has done, in a form that is the same in every style: the outcomes of the operations, the
// commands sent and how they ended.
type trace struct {
	operations []string
	commands   []string
	partial    []string // results of failed operations; nil in a style that has none
	unordered  bool     // the test has threads
	timed      bool     // commands have a maxTimeMS that depends on the clock
	late       bool     // an operation ran out of time, so the clock decides how many commands there are
}

// tracing serializes the operations of threads.
var tracing sync.Mutex

func (t *trace) operation(name string, o outcome) {
	tracing.Lock()
	defer tracing.Unlock()
	line := name + ": "
	switch docs, isList := o.result.([]value); {
	case o.err == nil && t.timed && slices.Contains(unorderedLists, name):
		line += "a list" // a write that ran out of time may have created a collection
	case o.err != nil:
		f := failureOf(o.err)
		if t.timed && mongo.IsTimeout(o.err) {
			t.late = true
			t.operations = append(t.operations, line+"error: timeout") // before or after a reply, as the clock has it
			return
		}
		line += f.String()
		// If nothing was sent, there is no partial result, although the driver returns one with zeros.
		if result, err := partialResult(o.result); t.partial != nil && err == nil && f.server {
			t.partial = append(t.partial, name+", result with the error: "+normal(result))
		}
	case isList:
		var texts []string
		for _, doc := range docs {
			texts = append(texts, normal(doc))
		}
		if slices.Contains(unorderedLists, name) {
			slices.Sort(texts)
		}
		line += "[" + strings.Join(texts, " ") + "]"
	default:
		if _, isCursor := o.result.(cursor); isCursor {
			line += "a cursor"
		} else if v, err := resultOf(o.result); err != nil {
			line += err.Error()
		} else if names, isArray := v.ArrayOK(); isArray && slices.Contains(unorderedLists, name) {
			line += sortedNormal(names)
		} else {
			line += normal(v)
		}
	}
	t.operations = append(t.operations, line)
}

// record adds the commands of the clients to the trace.
func (r *run) record() {
	for _, client := range r.clients() {
		told, _ := client.recorder.seen()
		for _, one := range told {
			if one.family != "command" {
				continue
			}
			switch one.kind {
			case "commandStartedEvent":
				document := one.document
				if r.trace.timed {
					_, document, _ = take(document, "maxTimeMS") // the file says whether the command has one
				}
				r.trace.commands = append(r.trace.commands, one.kind+" "+normal(ofDocument(document)))
			case "commandFailedEvent":
				f := failureOf(one.failure)
				if one.command == "drop" && slices.Equal(f.codes, []int{codeNamespaceNotFound}) {
					// The run before this one may have created or dropped the collection.
					r.trace.commands = append(r.trace.commands, "commandSucceededEvent drop")
					continue
				}
				r.trace.commands = append(r.trace.commands, fmt.Sprintf("%s %s %v", one.kind, one.command, f.codes))
			default:
				r.trace.commands = append(r.trace.commands, one.kind+" "+one.command)
			}
		}
	}
}

// difference returns the first difference between two traces, or "".
func (t *trace) difference(reference *trace) string {
	commands := [2][]string{reference.commands, t.commands}
	if t.late || reference.late {
		n := min(len(commands[0]), len(commands[1]))
		commands = [2][]string{commands[0][:n], commands[1][:n]}
	}
	all := [][2][]string{{reference.operations, t.operations}, commands}
	if reference.partial != nil && t.partial != nil {
		all = append(all, [2][]string{reference.partial, t.partial})
	}
	for _, lists := range all {
		if t.unordered {
			lists[0], lists[1] = slices.Sorted(slices.Values(lists[0])), slices.Sorted(slices.Values(lists[1]))
		}
		for i := range max(len(lists[0]), len(lists[1])) {
			want, got := "nothing", "nothing"
			if i < len(lists[0]) {
				want = lists[0][i]
			}
			if i < len(lists[1]) {
				got = lists[1][i]
			}
			if want != got {
				return fmt.Sprintf("\tgot  %[2]s\n\twant %[1]s, as with the driver", want, got)
			}
		}
	}
	return ""
}

// unorderedLists are the operations whose results servers list in any order.
var unorderedLists = []string{"listCollections", "listCollectionNames", "listDatabases", "listDatabaseNames"}

// sortedNormal is [normal] of an array whose order does not count.
func sortedNormal(array bson.RawArray) string {
	values, err := array.Values()
	if err != nil {
		return err.Error()
	}
	var parts []string
	for _, one := range values {
		parts = append(parts, normal(one))
	}
	slices.Sort(parts)
	return "[" + strings.Join(parts, ", ") + "]"
}

// codeNamespaceNotFound is the code of a drop of a collection that does not exist.
const codeNamespaceNotFound = 26

// passing are keys of commands and replies whose values differ between runs.
var passing = []string{
	"lsid", "txnNumber", "getMore", "cursors", "id", "recoveryToken", // made by the client or the server
	"_data",                                                                                                             // a resume token
	"$clusterTime", "operationTime", "opTime", "$configTime", "$topologyTime", "wallTime", "localTime", "lastWriteDate", // times
	"electionId", "topologyVersion", "connectionId", "serverConnectionId", "conversationId", "payload", // of a connection
	"sizeOnDisk", "totalSize", "uploadDate",
	"hosts", "me", "primary", // with the embedded server each style has its own
	"nIndexesWas", "dropped", // depend on what was there
}

// normal returns a value as text, with sorted keys and without values that differ between runs.
func normal(v value) string {
	if v.IsZero() {
		return "nothing"
	}
	switch v.Type {
	case bson.TypeObjectID, bson.TypeTimestamp:
		return v.Type.String()
	case bson.TypeBinary:
		if subtype, _, ok := v.BinaryOK(); ok && subtype == bson.TypeBinaryUUID {
			return "UUID"
		}
	case bson.TypeEmbeddedDocument:
		elements, err := v.Document().Elements()
		if err != nil {
			return err.Error()
		}
		var parts []string
		for _, element := range elements {
			text := "…"
			if !slices.Contains(passing, element.Key()) {
				text = normal(element.Value())
			}
			parts = append(parts, element.Key()+": "+text)
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	case bson.TypeArray:
		values, err := v.Array().Values()
		if err != nil {
			return err.Error()
		}
		var parts []string
		for _, one := range values {
			parts = append(parts, normal(one))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return v.String()
}
