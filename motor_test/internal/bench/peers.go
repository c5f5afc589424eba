package bench

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
)

//go:embed peers
var programs embed.FS

// Peer is another client of MongoDB, with the tasks that it does in a second.
type Peer struct {
	Name    string             `json:"name"`
	Skipped string             `json:"skipped,omitempty"` // why it was not measured
	Rates   map[string]float64 `json:"rates,omitempty"`
}

// peerPrograms are the commands of the peers.
var peerPrograms = []struct {
	name, command, file string
	args                []string
}{
	{"Motor", "python3", "peer.py", []string{"motor"}},
	{"PyMongo Async", "python3", "peer.py", []string{"pymongo"}},
	{"Node", "node", "peer.js", nil},
}

// MeasurePeers measures each peer for some seconds, and this library beside them.
func MeasurePeers(ctx context.Context, uri string, seconds float64, out io.Writer) ([]Peer, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var peers []Peer
	for _, p := range peerPrograms {
		source, err := programs.ReadFile("peers/" + p.file)
		if err != nil {
			return nil, err
		}
		file := filepath.Join(dir, p.file)
		if err := os.WriteFile(file, source, 0o600); err != nil {
			return nil, err
		}
		peer := Peer{Name: p.name}
		cmd := exec.CommandContext(ctx, p.command, append([]string{file, uri, fmt.Sprint(seconds)}, p.args...)...)
		var text, complaint bytes.Buffer
		cmd.Stdout, cmd.Stderr = &text, &complaint
		var failed *exec.ExitError
		switch err := cmd.Run(); {
		case errors.Is(err, exec.ErrNotFound):
			peer.Skipped = p.command + " is not installed"
		case errors.As(err, &failed):
			lines := strings.Split(strings.TrimSpace(complaint.String()), "\n")
			peer.Skipped = lines[len(lines)-1]
		case err != nil:
			return nil, err
		default:
			if err := json.Unmarshal(text.Bytes(), &peer); err != nil {
				return nil, fmt.Errorf("bench: %s: %w", p.name, err)
			}
		}
		peers = append(peers, peer)
	}
	own, err := ownRates(ctx, uri, seconds)
	if err != nil {
		return nil, err
	}
	peers = append(peers, own...)
	return peers, writePeers(out, peers)
}

// writePeers writes the table of the peers.
func writePeers(out io.Writer, peers []Peer) error {
	rows := map[string]bool{}
	var text strings.Builder
	fmt.Fprintf(&text, "\n%-36s", "tasks a second")
	var measured []Peer
	for _, p := range peers {
		if p.Skipped == "" {
			measured = append(measured, p)
			fmt.Fprintf(&text, " %20s", p.Name)
		}
		for row := range p.Rates {
			rows[row] = true
		}
	}
	text.WriteString("\n")
	for _, row := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(&text, "%-36s", row)
		for _, p := range measured {
			if rate, ok := p.Rates[row]; ok {
				fmt.Fprintf(&text, " %20.0f", rate)
			} else {
				fmt.Fprintf(&text, " %20s", "-")
			}
		}
		text.WriteString("\n")
	}
	for _, p := range peers {
		if p.Skipped != "" {
			fmt.Fprintf(&text, "%s was skipped: %s\n", p.Name, p.Skipped)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// The rows of the peers. Their programs have the same.
const (
	rowFindOne   = "find_one, %s in flight"
	rowInsertOne = "insert_one, %s in flight"
	rowUpdateOne = "update_one, %s in flight"
	rowList      = "list of 20,000 documents, documents"
	rowIterate   = "20,000 one by one, documents"
)

// ownRates measures the driver and this library, in the tasks of the peers.
func ownRates(ctx context.Context, uri string, seconds float64) ([]Peer, error) {
	c, err := connect(uri)
	if err != nil {
		return nil, err
	}
	defer c.close(context.WithoutCancel(ctx))
	filter, doc, change := bson.D{{Key: "_id", Value: 7}}, document(7), bson.D{{Key: "$set", Value: bson.D{{Key: "age", Value: 8}}}}
	ours, theirs := c.ours(one), c.theirs(one)
	coll := callback.WrapCollection(c.loop, ours)
	tasks := map[string]map[string]func() error{
		"driver": {
			rowFindOne:   func() error { var m bson.M; return theirs.FindOne(ctx, filter).Decode(&m) },
			rowInsertOne: func() error { _, err := theirs.InsertOne(ctx, doc); return err },
			rowUpdateOne: func() error { _, err := theirs.UpdateOne(ctx, filter, change); return err },
		},
		"gomotor: future": {
			rowFindOne:   func() error { _, err := ours.FindOne(ctx, filter).Await(ctx); return err },
			rowInsertOne: func() error { _, err := ours.InsertOne(ctx, doc).Await(ctx); return err },
			rowUpdateOne: func() error { _, err := ours.UpdateOne(ctx, filter, change).Await(ctx); return err },
		},
		"gomotor: callback": {
			rowFindOne: func() error {
				done := make(chan error, 1)
				coll.FindOne(ctx, filter, func(_ bson.M, err error) { done <- err })
				return <-done
			},
		},
	}
	var peers []Peer
	for _, name := range []string{"driver", "gomotor: future", "gomotor: callback"} {
		peer := Peer{Name: name, Rates: map[string]float64{}}
		for row, task := range tasks[name] {
			for _, inFlight := range []int{1, 100, 1000} {
				rate, err := rate(seconds, concurrently(inFlight, task), inFlight)
				if err != nil {
					return nil, err
				}
				peer.Rates[fmt.Sprintf(row, fmt.Sprint(inFlight))] = rate
			}
		}
		peers = append(peers, peer)
	}
	for _, r := range cursorRows(ctx, c) {
		row := ""
		switch r.Name {
		case "ToList of 20,000 into bson.M":
			row = rowList
		case "20,000 documents one by one: Next":
			row = rowIterate
		default:
			continue
		}
		for i, do := range []func(int) error{r.Theirs, r.Ours} {
			rate, err := rate(seconds, do, 1)
			if err != nil {
				return nil, err
			}
			peers[i].Rates[row] = rate * manySize
		}
	}
	return peers, nil
}

// rate returns how many tasks are done in a second.
func rate(seconds float64, do func(n int) error, unit int) (float64, error) {
	row := Row{Unit: unit}
	n, err := row.size(do, time.Duration(seconds*float64(time.Second)))
	if err != nil {
		return 0, err
	}
	figure, err := measure(do, n)
	return 1e9 / figure.Time, err
}
