package specs

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// cursor is a cursor of any style.
type cursor interface {
	// start fetches the first batch unless that was done already. Without it, a lazy cursor would send nothing.
	start(ctx context.Context) (outcome, error)
	// all reads the remaining documents.
	all(ctx context.Context) ([]value, outcome, error)
	// next waits for the next document. The value is unset at the end.
	next(ctx context.Context) (value, outcome, error)
	// try is like next, but makes only one attempt.
	try(ctx context.Context) (value, outcome, error)
	close(ctx context.Context) error
	// set sets an option for fetching further batches.
	set(ctx context.Context, option string, v value) error
}

// cursorOf returns the cursor in the result of an operation, or nil.
func cursorOf(s style, result any) cursor {
	switch r := result.(type) {
	case *mongo.Cursor:
		return &driverCursor{r}
	case *mongo.ChangeStream:
		return &driverStream{r}
	case mongo.ListDatabasesResult:
		var docs []any
		for _, db := range r.Databases {
			docs = append(docs, bson.D{{Key: "name", Value: db.Name}, {Key: "sizeOnDisk", Value: db.SizeOnDisk}, {Key: "empty", Value: db.Empty}})
		}
		list, err := mongo.NewCursorFromDocuments(docs, nil, nil)
		if err == nil {
			return &driverCursor{list}
		}
	}
	if _, ok := s.(byDriver); ok || result == nil {
		return nil
	}
	switch handle := reflect.ValueOf(result); {
	case handle.MethodByName("FetchNext").IsValid():
		return &motorCursor{s, result}
	case handle.MethodByName("ResumeToken").IsValid():
		return &motorStream{motorCursor{s, result}}
	}
	return nil
}

type driverCursor struct{ driver *mongo.Cursor }

func (c *driverCursor) start(context.Context) (outcome, error) { return outcome{}, nil }

func (c *driverCursor) all(ctx context.Context) ([]value, outcome, error) {
	var docs []bson.Raw
	if err := c.driver.All(ctx, &docs); err != nil {
		return nil, outcome{err: err}, nil
	}
	values := make([]value, len(docs))
	for i, doc := range docs {
		values[i] = ofDocument(doc)
	}
	return values, outcome{}, nil
}

func (c *driverCursor) next(ctx context.Context) (value, outcome, error) {
	return c.current(c.driver.Next(ctx))
}

func (c *driverCursor) try(ctx context.Context) (value, outcome, error) {
	return c.current(c.driver.TryNext(ctx))
}

func (c *driverCursor) current(ok bool) (value, outcome, error) {
	if !ok {
		return value{}, outcome{err: c.driver.Err()}, nil
	}
	return ofDocument(append(bson.Raw(nil), c.driver.Current...)), outcome{}, nil
}

func (c *driverCursor) close(ctx context.Context) error { return c.driver.Close(ctx) }

func (c *driverCursor) set(_ context.Context, option string, v value) error {
	n, _ := v.AsInt64OK()
	switch option {
	case "batchSize":
		c.driver.SetBatchSize(int32(n))
	case "maxTimeMS":
		c.driver.SetMaxAwaitTime(time.Duration(n) * time.Millisecond)
	case "comment":
		c.driver.SetComment(v)
	default:
		return &pending{"a command's cursor with " + option}
	}
	return nil
}

// motorCursor is a cursor of package motor or callback.
type motorCursor struct {
	style  style
	handle any
}

func (c *motorCursor) start(ctx context.Context) (outcome, error) {
	return c.style.call(ctx, c.handle, "FetchNext", nil, nil)
}

func (c *motorCursor) all(ctx context.Context) ([]value, outcome, error) {
	o, err := c.style.call(ctx, c.handle, "ToList", nil, nil)
	if err != nil || o.err != nil {
		return nil, o, err
	}
	docs := reflect.ValueOf(o.result)
	values := make([]value, docs.Len())
	for i := range values {
		if values[i], err = resultOf(docs.Index(i).Interface()); err != nil {
			return nil, o, err
		}
	}
	return values, outcome{}, nil
}

func (c *motorCursor) next(ctx context.Context) (value, outcome, error) {
	// A tailable cursor without a document now may have one later.
	for {
		o, err := c.style.call(ctx, c.handle, "FetchNext", nil, nil)
		if err != nil || o.err != nil {
			return value{}, o, err
		}
		if o.result == true {
			return c.read(ctx, "NextObject")
		}
		if alive, err := c.style.call(ctx, c.handle, "Alive", nil, nil); err != nil || alive.result != true || ctx.Err() != nil {
			return value{}, outcome{err: ctx.Err()}, err
		}
	}
}

func (c *motorCursor) try(ctx context.Context) (value, outcome, error) { return c.read(ctx, "TryNext") }

// read returns the document that a method returns, or an unset value if there is none.
func (c *motorCursor) read(ctx context.Context, method string) (value, outcome, error) {
	o, err := c.style.call(ctx, c.handle, method, nil, nil)
	if err != nil || o.err != nil {
		return value{}, o, err
	}
	doc, err := resultOf(o.result)
	if doc.Type == bson.TypeNull {
		doc = value{}
	}
	return doc, outcome{}, err
}

func (c *motorCursor) close(ctx context.Context) error {
	o, err := c.style.call(ctx, c.handle, "Close", nil, nil)
	return errors.Join(err, o.err)
}

func (c *motorCursor) set(ctx context.Context, option string, v value) error {
	n, _ := v.AsInt64OK()
	var (
		method string
		arg    any
	)
	switch option {
	case "batchSize":
		method, arg = "BatchSize", int32(n)
	case "maxTimeMS":
		method, arg = "MaxAwaitTimeMS", n
	case "comment":
		method, arg = "Comment", v
	default:
		return &pending{fmt.Sprintf("a command's cursor with %s", option)}
	}
	_, err := c.style.call(ctx, c.handle, method, []any{arg}, nil)
	return err
}
