package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// feed is what the documents of a source come from.
type feed[D any] interface {
	// more returns what has come, or comes with one round trip.
	more(ctx context.Context) (decoded[D], error)
	// over reports whether nothing more can come, after more has returned err.
	over(err error) bool
	// resume returns where a change stream resumes that has been read as far as this.
	resume() bson.Raw
	// ID returns the server's number for the cursor, or 0.
	ID() int64
	// Close ends it on the server.
	Close(ctx context.Context) error
}

// cursorFeed is a cursor of the driver's.
type cursorFeed[D any] struct {
	*mongo.Cursor
	codec *codec
}

func (f cursorFeed[D]) more(ctx context.Context) (come decoded[D], err error) {
	if f.TryNext(ctx) {
		return decodeBatch[D](f.codec, f.Cursor), nil
	}
	return come, f.Err()
}

func (f cursorFeed[D]) over(err error) bool { return err != nil || f.ID() == 0 }

func (f cursorFeed[D]) resume() bson.Raw { return nil }

// prepare tells the driver how the next batch is to be fetched.
func (c *cursorReader[D]) prepare(from feed[D]) {
	driver, ok := from.(cursorFeed[D])
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size != nil {
		driver.SetBatchSize(*c.size)
	}
	if c.wait > 0 {
		driver.SetMaxAwaitTime(c.wait)
	}
	if !c.comment.IsZero() {
		driver.SetComment(c.comment)
	}
}
