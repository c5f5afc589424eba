package specs

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// entity is an object that the operations of a file use.
type entity struct {
	kind   string // client, database, collection, session, cursor, thread, value, events
	handle any    // the style's handle
	value  value

	// Fields of a client.
	recorder *recorder
	log      *log
	observed []string // the kinds of events that the file observes
	close    func(context.Context) error

	cursor cursor
	thread *thread
}

// entities are the entities of one run of a test.
type entities struct {
	byID map[string]*entity
	ids  []string // in creation order
}

func (es *entities) add(id string, e *entity) error {
	if id == "" {
		return fmt.Errorf("%s without an id", e.kind)
	}
	if es.byID[id] != nil {
		return fmt.Errorf("duplicate entity %q", id)
	}
	es.byID[id] = e
	es.ids = append(es.ids, id)
	return nil
}

// of returns the entity with this ID and kind.
func (es *entities) of(kind, id string) (*entity, error) {
	e := es.byID[id]
	if e == nil || e.kind != kind {
		return nil, fmt.Errorf("unknown %s %q", kind, id)
	}
	return e, nil
}

// entityOptions are the fields of all kinds of entities.
type entityOptions struct {
	ID string `bson:"id"`

	// Fields of a client.
	URIOptions       bson.Raw       `bson:"uriOptions"`
	Mongoses         *bool          `bson:"useMultipleMongoses"`
	ObserveEvents    []string       `bson:"observeEvents"`
	IgnoreCommands   []string       `bson:"ignoreCommandMonitoringEvents"`
	ObserveSensitive bool           `bson:"observeSensitiveCommands"`
	ObserveLogs      bson.Raw       `bson:"observeLogMessages"`
	ServerAPI        bson.Raw       `bson:"serverApi"`
	AutoEncryption   bson.Raw       `bson:"autoEncryptOpts"`
	Store            []storedEvents `bson:"storeEventsAsEntities"`
	AwaitMinPoolSize value          `bson:"awaitMinPoolSizeMS"`

	// Fields of the other kinds.
	Client            string         `bson:"client"`
	Database          string         `bson:"database"`
	DatabaseName      string         `bson:"databaseName"`
	CollectionName    string         `bson:"collectionName"`
	DatabaseOptions   handleOptions  `bson:"databaseOptions"`
	CollectionOptions handleOptions  `bson:"collectionOptions"`
	BucketOptions     bucketOptions  `bson:"bucketOptions"`
	Session           sessionOptions `bson:"sessionOptions"`
}

// storedEvents is an entity that stores a client's events.
type storedEvents struct {
	ID     string   `bson:"id"`
	Events []string `bson:"events"`
}

// create creates the entity that a document such as {client: {id: "client0"}} describes.
func (r *run) create(described bson.Raw) error {
	kind, fields, err := theOnly(described)
	if err != nil {
		return err
	}
	var o entityOptions
	if err := bson.Unmarshal(fields, &o); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	switch kind {
	case "client":
		return r.createClient(o)
	case "database":
		client, err := r.entities.of("client", o.Client)
		if err != nil {
			return err
		}
		opts := options.Database()
		if err := apply(o.DatabaseOptions, opts); err != nil {
			return err
		}
		return r.entities.add(o.ID, &entity{kind: kind, handle: r.style.database(client.handle, o.DatabaseName, opts)})
	case "collection":
		database, err := r.entities.of("database", o.Database)
		if err != nil {
			return err
		}
		opts := options.Collection()
		if err := apply(o.CollectionOptions, opts); err != nil {
			return err
		}
		return r.entities.add(o.ID, &entity{kind: kind, handle: r.style.collection(database.handle, o.CollectionName, opts)})
	case "thread":
		return r.entities.add(o.ID, &entity{kind: kind, thread: newThread()})
	case "session":
		return r.createSession(o)
	case "bucket":
		database, err := r.entities.of("database", o.Database)
		if err != nil {
			return err
		}
		opts, err := o.BucketOptions.builder()
		if err != nil {
			return err
		}
		bucket, err := r.style.bucket(database.handle, opts)
		if err != nil {
			return err
		}
		return r.entities.add(o.ID, &entity{kind: kind, handle: bucket})
	case "clientEncryption":
		return &pending{kind}
	}
	return fmt.Errorf("unknown kind of entity: %q", kind)
}

func (r *run) createClient(o entityOptions) error {
	if o.AutoEncryption != nil {
		return &pending{"autoEncryptOpts"}
	}
	opts := options.Client()
	if o.ServerAPI != nil {
		api, err := serverAPIOf(o.ServerAPI)
		if err != nil {
			return err
		}
		opts.SetServerAPIOptions(api)
	}
	for _, name := range o.ObserveEvents {
		if !slices.ContainsFunc([]string{"command", "cmap", "sdam"}, func(family string) bool {
			_, ok := eventKeys[family][name]
			return ok
		}) {
			return &pending{"events of the kind " + name}
		}
	}
	e := &entity{kind: "client", recorder: newRecorder(), observed: o.ObserveEvents}
	e.recorder.ignored = append(e.recorder.ignored, o.IgnoreCommands...)
	e.recorder.sensitive = o.ObserveSensitive
	e.recorder.observe(opts)
	if o.ObserveLogs != nil {
		var err error
		if e.log, err = newLog(o.ObserveLogs); err != nil {
			return err
		}
		e.log.observe(opts)
	}
	if r.server.topology == "sharded" && (o.Mongoses == nil || !*o.Mongoses) {
		if hosts := options.Client().ApplyURI(r.server.uri).Hosts; len(hosts) > 1 {
			opts.SetHosts(hosts[:1])
		}
	}
	if r.test.performs("failPoint") {
		opts.SetHeartbeatInterval(lowHeartbeat)
		if _, err := o.URIOptions.LookupErr("appname"); err != nil {
			opts.SetAppName(failing)
		} else {
			r.named = true
		}
	}
	uri := r.server.uri
	if o.Mongoses != nil && *o.Mongoses {
		uri = r.server.multiple
	}
	uri, err := withOptions(uri, o.URIOptions)
	if err != nil {
		return err
	}
	if e.handle, e.close, err = r.style.newClient(uri, opts); err != nil {
		return err
	}
	if err := r.entities.add(o.ID, e); err != nil {
		_ = e.close(r.ctx)
		return err
	}
	if r.style.ofMotor() {
		// The files expect a client to connect when it is created. Motor's client connects at its first use, so this
		// uses it. Delegate itself does no I/O.
		if _, err := r.style.call(r.ctx, e.handle, "Delegate", nil, nil); err != nil {
			return err
		}
	}
	for _, stored := range o.Store {
		if err := r.entities.add(stored.ID, &entity{kind: "events", recorder: e.recorder, observed: stored.Events}); err != nil {
			return err
		}
	}
	if !o.AwaitMinPoolSize.IsZero() {
		return &pending{"awaitMinPoolSizeMS"}
	}
	return nil
}

// lowHeartbeat makes a client check a server soon after a fail point made it seem unavailable.
const lowHeartbeat = 500 * time.Millisecond

// failing is the application name of the clients of tests with fail points. The server fails commands of these clients
// only, since it may have other users at the same time.
const failing = "gomotor-specs-fail-point"

// withOptions adds uriOptions to a connection string.
func withOptions(uri string, extra bson.Raw) (string, error) {
	elements, err := extra.Elements()
	if extra == nil || err != nil {
		return uri, err
	}
	base, query, _ := strings.Cut(uri, "?")
	if _, rest, _ := strings.Cut(base, "//"); !strings.Contains(rest, "/") {
		base += "/"
	}
	var parts []string
	for _, part := range strings.Split(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if part != "" && !slices.ContainsFunc(elements, func(e bson.RawElement) bool { return strings.EqualFold(e.Key(), name) }) {
			parts = append(parts, part)
		}
	}
	for _, element := range elements {
		values := []value{element.Value()}
		if array, ok := element.Value().ArrayOK(); ok {
			if values, err = array.Values(); err != nil {
				return "", err
			}
		}
		for _, v := range values {
			native, err := nativeOf(v)
			if err != nil {
				return "", err
			}
			parts = append(parts, element.Key()+"="+url.QueryEscape(fmt.Sprint(native)))
		}
	}
	return base + "?" + strings.Join(parts, "&"), nil
}
