package bench

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed peers
var programs embed.FS

// Peer is another client of MongoDB, with what it does in a second.
type Peer struct {
	Name    string             `json:"name"`
	Skipped string             `json:"skipped,omitempty"` // why it was not measured
	Rates   map[string]float64 `json:"rates,omitempty"`
	PerCPU  map[string]float64 `json:"perCPU,omitempty"` // in a second of CPU time of the client
}

// peerPrograms are the programs that measure the peers.
var peerPrograms = []struct {
	name, file string
	python     bool
	args       []string
}{
	{"Motor", "peer.py", true, []string{"motor"}},
	{"PyMongo Async", "peer.py", true, []string{"pymongo"}},
	{"Node", "peer.js", false, nil},
}

// MeasurePeers measures each task of each peer for some seconds, in some rounds, and this library beside them. A rate is the
// best of the rounds: other work on the machine only makes it less. pythons are interpreters of Python, each with its own
// versions of the peers. Without any, the first one that has a peer measures it.
func MeasurePeers(ctx context.Context, uri string, pythons []string, rounds int, seconds float64, out io.Writer) ([]Peer, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var peers []Peer
	for range rounds {
		for _, p := range peerPrograms {
			source, err := programs.ReadFile("peers/" + p.file)
			if err != nil {
				return nil, err
			}
			file := filepath.Join(dir, p.file)
			if err := os.WriteFile(file, source, 0o600); err != nil {
				return nil, err
			}
			commands, all := []string{"node"}, false
			if p.python {
				commands, all = []string{"python3", "/usr/bin/python3"}, len(pythons) > 0
			}
			if all {
				commands = pythons
			}
			args := append([]string{file, uri, fmt.Sprint(seconds), fmt.Sprint(fileSize)}, p.args...)
			if peers, err = measureProgram(ctx, peers, p.name, commands, args, all); err != nil {
				return nil, err
			}
		}
		own, err := ownRates(ctx, uri, seconds)
		if err != nil {
			return nil, err
		}
		for _, peer := range own {
			peers = best(peers, peer)
		}
	}
	return peers, writePeers(out, peers)
}

// measureProgram adds the rates of a program that the commands run: all of them, or the first that can.
func measureProgram(ctx context.Context, peers []Peer, name string, commands, args []string, all bool) ([]Peer, error) {
	measured := false
	var skipped Peer
	for _, command := range commands {
		peer, err := measurePeer(ctx, name, command, args)
		if err != nil {
			return nil, err
		}
		if peer.Skipped != "" {
			skipped = peer
			continue
		}
		measured = true
		peers = best(peers, peer)
		if !all {
			break
		}
	}
	if !measured {
		peers = best(peers, skipped)
	}
	return peers, nil
}

// best adds a peer to those that were measured. If it is there already, it keeps the greater rates.
func best(peers []Peer, peer Peer) []Peer {
	at := slices.IndexFunc(peers, func(p Peer) bool { return p.Name == peer.Name })
	if at < 0 {
		return append(peers, peer)
	}
	for row, rate := range peer.Rates {
		peers[at].Rates[row] = max(peers[at].Rates[row], rate)
	}
	for row, rate := range peer.PerCPU {
		peers[at].PerCPU[row] = max(peers[at].PerCPU[row], rate)
	}
	return peers
}

// measurePeer runs the program of a peer, which prints its rates as JSON.
func measurePeer(ctx context.Context, name, command string, args []string) (Peer, error) {
	peer := Peer{Name: name}
	cmd := exec.CommandContext(ctx, command, args...)
	var text, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &complaint
	err := cmd.Run()
	var failed *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		peer.Skipped = command + " is not installed"
	case errors.As(err, &failed):
		lines := strings.Split(strings.TrimSpace(complaint.String()), "\n")
		peer.Skipped = fmt.Sprintf("%s: %s", command, lines[len(lines)-1])
	case err != nil:
		return peer, err
	default:
		if err := json.Unmarshal(text.Bytes(), &peer); err != nil {
			return peer, fmt.Errorf("bench: %s: %w", name, err)
		}
	}
	return peer, nil
}

// The rows of the peers. Their programs have the same.
const (
	rowFindOne    = "find_one, %d in flight"
	rowInsertOne  = "insert_one, %d in flight"
	rowUpdateOne  = "update_one, %d in flight"
	rowAggregate  = "aggregate, %d in flight"
	rowAtOnce     = "10,000 find_one at once"
	rowInsertMany = "insert_many of 1,000, documents"
	rowList       = "list of 20,000 documents, documents"
	rowIterate    = "20,000 one by one, documents"
	rowUpload     = "GridFS up, MB"
	rowDownload   = "GridFS down, MB"
)

// inFlight are the numbers of operations that the rows with %d keep in flight.
var inFlight = []int{1, 100, 1000}

// peerRows returns the names of all rows, in order.
func peerRows() (rows []string) {
	for _, row := range []string{rowFindOne, rowInsertOne, rowUpdateOne} {
		for _, n := range inFlight {
			rows = append(rows, fmt.Sprintf(row, n))
		}
	}
	return append(rows, fmt.Sprintf(rowAggregate, 100), rowAtOnce, rowInsertMany, rowList, rowIterate, rowUpload, rowDownload)
}

// peerTables returns the cells of the tables of the peers that were measured, each with a line for the names. The second
// table is about CPU time, and missing where the system does not tell it.
func peerTables(peers []Peer) (tables [][][]string) {
	peers = slices.DeleteFunc(slices.Clone(peers), func(p Peer) bool { return p.Skipped != "" })
	for _, kind := range []struct {
		name  string
		rates func(p Peer) map[string]float64
	}{
		{"a second", func(p Peer) map[string]float64 { return p.Rates }},
		{"a second of CPU time", func(p Peer) map[string]float64 { return p.PerCPU }},
	} {
		names := []string{kind.name}
		for _, p := range peers {
			names = append(names, p.Name)
		}
		table, known := [][]string{names}, false
		for _, row := range peerRows() {
			cells := []string{row}
			for _, p := range peers {
				cell := "-"
				if rate, ok := kind.rates(p)[row]; ok {
					cell, known = thousands(int(rate+0.5)), true
				}
				cells = append(cells, cell)
			}
			table = append(table, cells)
		}
		if known {
			tables = append(tables, table)
		}
	}
	return tables
}

// thousands returns a number with commas.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// writePeers writes the tables of the peers for people, and why some are missing.
func writePeers(out io.Writer, peers []Peer) error {
	var text strings.Builder
	for _, table := range peerTables(peers) {
		text.WriteString("\n")
		for _, cells := range table {
			fmt.Fprintf(&text, "%-36s", cells[0])
			for _, cell := range cells[1:] {
				fmt.Fprintf(&text, " %20s", cell)
			}
			text.WriteString("\n")
		}
	}
	for _, p := range peers {
		if p.Skipped != "" {
			fmt.Fprintf(&text, "%s was skipped: %s\n", p.Name, p.Skipped)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// WritePeersMarkdown writes the tables of the peers for a page, if there are any.
func WritePeersMarkdown(out io.Writer, peers []Peer) error {
	var text strings.Builder
	if peers == nil {
		return nil
	}
	for _, table := range peerTables(peers) {
		text.WriteString("\n")
		for i, cells := range table {
			text.WriteString("| " + strings.Join(cells, " | ") + " |\n")
			if i == 0 {
				text.WriteString(strings.Repeat("|---", len(cells)) + "|\n")
			}
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}
