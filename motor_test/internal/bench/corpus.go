package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Corpus is the data of MongoDB's driver benchmark.
type Corpus struct {
	flat, deep, full    bson.D // of many common types; a binary tree of six levels; of all types
	tweet, small, large bson.D // of about 1,600 bytes, 250 bytes and 2.5 MB
	line                bson.D // a line of a file for the parallel tasks, of about 1,000 bytes
}

// LoadCorpus reads the data sets that the folder dir holds, as the specification's archives have them. It makes the others,
// which have the shapes and sizes that the specification says. An empty dir is no folder.
func LoadCorpus(dir string) (*Corpus, error) {
	r := random{rand.New(rand.NewPCG(1, 2))}
	c := &Corpus{flat: r.flat(), deep: r.tree(6), full: r.full(), tweet: r.tweet(), small: r.small(), large: r.large(), line: r.line()}
	if dir == "" {
		return c, nil
	}
	found := 0
	for _, set := range []struct {
		name string
		doc  *bson.D
	}{
		{"extended_bson/flat_bson.json", &c.flat}, {"extended_bson/deep_bson.json", &c.deep}, {"extended_bson/full_bson.json", &c.full},
		{"single_and_multi_document/tweet.json", &c.tweet}, {"single_and_multi_document/small_doc.json", &c.small},
		{"single_and_multi_document/large_doc.json", &c.large},
	} {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(set.name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var doc bson.D
		if err := bson.UnmarshalExtJSON(text, false, &doc); err != nil {
			return nil, fmt.Errorf("bench: %s: %w", set.name, err)
		}
		*set.doc = doc
		found++
	}
	if found == 0 {
		return nil, fmt.Errorf("bench: the folder %q has no data set: need extended_bson/ or single_and_multi_document/", dir)
	}
	return c, nil
}

// random makes documents.
type random struct{ *rand.Rand }

func (r random) text(size int) string {
	text := make([]byte, size)
	for i := range text {
		text[i] = byte('a' + r.IntN(26))
	}
	return string(text)
}

func (r random) objectID() (id bson.ObjectID) {
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	return id
}

// values returns a document with an _id and a number of values of each kind.
func (r random) values(each int, kinds ...func() any) bson.D {
	doc := bson.D{{Key: "_id", Value: r.objectID()}}
	for _, kind := range kinds {
		for range each {
			doc = append(doc, bson.E{Key: r.text(8), Value: kind()})
		}
	}
	return doc
}

func (r random) string80() any { return r.text(80) }
func (r random) int32() any    { return int32(r.Uint32()) }
func (r random) int64() any    { return r.Int64() }
func (r random) double() any   { return r.Float64() }
func (r random) boolean() any  { return r.IntN(2) == 0 }

func (r random) flat() bson.D {
	return r.values(24, r.string80, r.int32, r.int64, r.double, r.boolean)
}

func (r random) full() bson.D {
	return r.values(6, r.string80, r.double, r.int64, r.int32, r.boolean,
		func() any { return bson.MinKey{} },
		func() any { return bson.MaxKey{} },
		func() any { return bson.A{r.int32(), r.int32(), r.int32()} },
		func() any { return bson.Binary{Data: []byte(r.text(20))} },
		func() any { return bson.DateTime(r.Int64N(2e12)) },
		func() any { return bson.Regex{Pattern: r.text(8), Options: "i"} },
		func() any { return bson.JavaScript(r.text(20)) },
		func() any {
			return bson.CodeWithScope{Code: bson.JavaScript(r.text(20)), Scope: bson.D{{Key: r.text(8), Value: r.int32()}}}
		},
		func() any { return bson.Timestamp{T: r.Uint32(), I: r.Uint32()} },
	)
}

// tree returns a binary tree with texts in its leaves.
func (r random) tree(levels int) bson.D {
	child := func() any {
		if levels == 1 {
			return r.text(8)
		}
		return r.tree(levels - 1)
	}
	return bson.D{{Key: "left", Value: child()}, {Key: "right", Value: child()}}
}

// tweet returns a document as a social network has it: texts, a user, and lists of documents.
func (r random) tweet() bson.D {
	mentions := bson.A{}
	for range 3 {
		mentions = append(mentions, bson.D{{Key: "screen_name", Value: r.text(12)}, {Key: "name", Value: r.text(16)}, {Key: "id", Value: r.int64()},
			{Key: "indices", Value: bson.A{r.int32(), r.int32()}}})
	}
	user := bson.D{{Key: "id", Value: r.int64()}, {Key: "name", Value: r.text(16)}, {Key: "location", Value: r.text(20)}, {Key: "url", Value: nil},
		{Key: "description", Value: r.text(120)}, {Key: "profile_image_url", Value: r.text(70)}, {Key: "profile_text_color", Value: r.text(6)}}
	for _, key := range []string{"followers_count", "friends_count", "listed_count", "favourites_count", "statuses_count", "utc_offset"} {
		user = append(user, bson.E{Key: key, Value: r.int32()})
	}
	for _, key := range []string{"protected", "geo_enabled", "verified", "is_translator", "default_profile", "notifications"} {
		user = append(user, bson.E{Key: key, Value: r.boolean()})
	}
	return bson.D{{Key: "text", Value: r.text(140)}, {Key: "id", Value: r.int64()}, {Key: "created_at", Value: r.text(30)}, {Key: "source", Value: r.text(60)},
		{Key: "truncated", Value: false}, {Key: "favorited", Value: false}, {Key: "coordinates", Value: nil}, {Key: "place", Value: nil},
		{Key: "retweet_count", Value: r.int32()}, {Key: "user", Value: user},
		{Key: "entities", Value: bson.D{{Key: "user_mentions", Value: mentions}, {Key: "urls", Value: bson.A{}}, {Key: "hashtags", Value: bson.A{r.text(8), r.text(10)}}}}}
}

func (r random) small() bson.D {
	doc := bson.D{}
	for range 13 {
		doc = append(doc, bson.E{Key: r.text(5), Value: r.text(7)})
	}
	return doc
}

func (r random) large() bson.D {
	items := make(bson.A, 10_000)
	for i := range items {
		items[i] = r.small()
	}
	return bson.D{{Key: "items", Value: items}}
}

func (r random) line() bson.D {
	doc := bson.D{}
	for range 9 {
		doc = append(doc, bson.E{Key: r.text(8), Value: r.string80()}, bson.E{Key: r.text(8), Value: r.int32()})
	}
	return doc
}
