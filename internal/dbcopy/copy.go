// Package dbcopy copies the collections, views and indexes of one database to another. It uses nothing but the driver.
//
// A copy has two phases. [Copy.Plan] lists both databases. It fails, before anything is written, if the target has a
// collection that must not be replaced. [Copy.Run] copies the collections, several at a time, and then the views.
//
// # Cost
//
// Each collection that is being copied holds at most two batches of documents in memory, of 16 MiB each: one is
// written while the next one is read.
package dbcopy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sourcegraph/conc"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/internal/progress"
)

// Copy copies one database. Do not change its fields after [Copy.Plan].
type Copy struct {
	Source, Target *mongo.Database
	OneClient      bool // Source and Target belong to one client, so the server can copy documents itself
	Replace        bool // drop collections of the target that have the name of a source collection
	Limits         Limits

	// Step runs fn, which talks to a server for a limited time, and returns fn's error after fn has returned. The copy
	// calls Step from several goroutines.
	Step func(ctx context.Context, fn func(context.Context) error) error
	// Refused reports whether an error means that the server did not start to run a command.
	Refused func(error) bool
	// Report receives the progress, in documents. It may be nil.
	Report *progress.Report

	parts []*part // sorted by name, views after collections
}

// Limits limit the resources of a copy.
type Limits struct {
	Collections int           // the number of collections copied at the same time
	Batch       int           // the maximal number of documents in a batch
	Close       time.Duration // the time limit for closing a cursor after the copy was cancelled
	Select      time.Duration // how long a getMore waits for its server
}

// Collection describes how much of a collection or view was copied.
type Collection struct {
	Name      string
	View      bool
	Documents int64    // confirmed by the server
	Indexes   []string // the names of the created indexes, without the one of _id
	Complete  bool     // everything was copied
}

// Kind is the reason why a collection was not copied.
type Kind int

const (
	Failed Kind = iota // a command failed
	Exists             // the target has a collection of this name
	Same               // source and target are the same collection
)

// Error is the failure of one collection.
type Error struct {
	Kind       Kind
	Collection string
	Err        error // the driver's error, or nil
}

// Error names the collection and gives the reason.
func (e *Error) Error() string {
	switch e.Kind {
	case Exists:
		return fmt.Sprintf("copy of %s: collection exists in the target", e.Collection)
	case Same:
		return fmt.Sprintf("copy of %s: source and target are the same collection", e.Collection)
	}
	return fmt.Sprintf("copy of %s: %v", e.Collection, e.Err)
}

// Unwrap returns the driver's error, or nil.
func (e *Error) Unwrap() error { return e.Err }

// Plan lists what has to be copied. Its error is an [Error] of kind [Exists] or [Same] if the target has a collection
// that must not be replaced, and the driver's error if a database cannot be listed.
func (c *Copy) Plan(ctx context.Context) error {
	parts, err := c.list(ctx, c.Source)
	if err != nil {
		return err
	}
	present, err := c.list(ctx, c.Target)
	if err != nil {
		return err
	}
	byName := make(map[string]*part, len(present))
	for _, p := range present {
		byName[p.name] = p
	}
	for _, p := range parts {
		old := byName[p.name]
		switch {
		case old == nil:
		case !c.Replace:
			return &Error{Kind: Exists, Collection: p.name}
		case !p.uuid.IsZero() && p.uuid.Equal(old.uuid):
			// The two clients use different names of the same host. Dropping the target would drop the source.
			return &Error{Kind: Same, Collection: p.name}
		default:
			p.exists = true
		}
	}
	slices.SortFunc(parts, func(a, b *part) int {
		if a.view() != b.view() {
			if a.view() {
				return 1
			}
			return -1
		}
		return strings.Compare(a.name, b.name)
	})
	c.parts = parts
	return nil
}

// Run copies what was planned and returns when all steps have ended. Its error is an [*Error], or ctx's error if ctx
// ended between two steps.
func (c *Copy) Run(ctx context.Context) error {
	views := len(c.parts)
	for views > 0 && c.parts[views-1].view() {
		views--
	}
	if c.Report != nil {
		if err := c.each(ctx, c.parts[:views], c.count); err != nil {
			return err
		}
		c.start()
	}
	if err := c.each(ctx, c.parts[:views], c.copy); err != nil {
		return err
	}
	return c.each(ctx, c.parts[views:], c.copy) // the collections that views show exist now
}

// start reports the totals.
func (c *Copy) start() {
	c.Report.Update(func(now *progress.Progress) {
		now.CollectionsTotal = len(c.parts)
		for _, p := range c.parts {
			now.Total += p.expected
		}
	})
}

// each calls fn for every part, several at a time, and returns when all calls have returned. The first error cancels
// the other calls.
func (c *Copy) each(ctx context.Context, parts []*part, fn func(context.Context, *part) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var first error
	var once sync.Once
	waiting := make(chan *part, len(parts))
	for _, p := range parts {
		waiting <- p
	}
	close(waiting)
	var group conc.WaitGroup
	for range min(c.Limits.Collections, len(parts)) {
		group.Go(func() {
			for p := range waiting {
				err := ctx.Err()
				if err == nil {
					err = fn(ctx, p)
				}
				if err != nil {
					once.Do(func() { first = err; cancel() })
					return
				}
			}
		})
	}
	group.Wait()
	return first
}

// Copied returns the collections that Run may have changed, sorted by name, views last. Do not call it while Run is
// running.
func (c *Copy) Copied() []Collection {
	var all []Collection
	for _, p := range c.parts {
		if p.started {
			all = append(all, p.copied)
		}
	}
	return all
}

// part is a collection or view to be copied. Only one goroutine at a time uses it.
type part struct {
	name    string
	kind    string   // "view", "timeseries", "collection", or "" from old servers
	options bson.Raw // in the form that create takes
	uuid    bson.RawValue

	exists   bool  // the target has it, and it will be replaced
	expected int64 // the estimated number of documents, if progress is reported

	started bool // the target may have been changed
	copied  Collection
}

func (p *part) view() bool { return p.kind == "view" }

// has reports whether an option is set and not false.
func (p *part) has(option string) bool {
	v := p.options.Lookup(option)
	on, isBool := v.BooleanOK()
	return !v.IsZero() && (on || !isBool)
}

// list returns the collections and views of a database that a copy includes.
func (c *Copy) list(ctx context.Context, db *mongo.Database) ([]*part, error) {
	driver, err := db.ListCollections(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	defer driver.Close(ctx)
	var parts []*part
	for cursor := c.Limits.reader(driver, db); cursor.Next(ctx); {
		// The document is not decoded into a struct, since the client's registry and BSON options may change how
		// structs are decoded.
		p := new(part)
		p.name, _ = driver.Current.Lookup("name").StringValueOK()
		p.kind, _ = driver.Current.Lookup("type").StringValueOK()
		p.uuid = cloneValue(driver.Current.Lookup("info", "uuid"))
		options, _ := driver.Current.Lookup("options").DocumentOK()
		p.options = slices.Clone(options)
		p.copied = Collection{Name: p.name, View: p.view()}
		if !strings.HasPrefix(p.name, "system.") || p.name == "system.js" {
			parts = append(parts, p)
		}
	}
	return parts, driver.Err()
}

func cloneValue(v bson.RawValue) bson.RawValue {
	v.Value = slices.Clone(v.Value)
	return v
}

// formerOptions are options that old servers list and that create no longer accepts.
var formerOptions = map[string]bool{"autoIndexId": true, "flags": true, "temp": true, "uuid": true, "create": true}

// createCommand returns the command that creates the collection or view.
func (p *part) createCommand() (bson.D, error) {
	command := bson.D{{Key: "create", Value: p.name}}
	if p.options == nil {
		return command, nil
	}
	elements, err := p.options.Elements()
	for _, e := range elements {
		if !formerOptions[e.Key()] {
			command = append(command, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	return command, err
}
