package specs

import (
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/tag"
)

// handleOptions are collectionOptions or databaseOptions.
type handleOptions struct {
	ReadConcern    bson.Raw `bson:"readConcern"`
	WriteConcern   bson.Raw `bson:"writeConcern"`
	ReadPreference value    `bson:"readPreference"`
	TimeoutMS      *int64   `bson:"timeoutMS"`
}

// concerned has the methods that the driver's options of databases and collections share.
type concerned[B any] interface {
	SetReadConcern(*readconcern.ReadConcern) B
	SetWriteConcern(*writeconcern.WriteConcern) B
	SetReadPreference(*readpref.ReadPref) B
}

func apply[B concerned[B]](h handleOptions, to B) error {
	if h.TimeoutMS != nil {
		return &pending{"timeoutMS of a handle"}
	}
	if h.ReadConcern != nil {
		to.SetReadConcern(readConcernOf(h.ReadConcern))
	}
	if h.WriteConcern != nil {
		concern, err := writeConcernOf(h.WriteConcern)
		if err != nil {
			return err
		}
		to.SetWriteConcern(concern)
	}
	if !h.ReadPreference.IsZero() {
		pref, err := readPreferenceOf(h.ReadPreference)
		if err != nil {
			return err
		}
		to.SetReadPreference(pref)
	}
	return nil
}

func readConcernOf(doc bson.Raw) *readconcern.ReadConcern {
	level, _ := doc.Lookup("level").StringValueOK()
	return &readconcern.ReadConcern{Level: level}
}

func writeConcernOf(doc bson.Raw) (*writeconcern.WriteConcern, error) {
	concern := new(writeconcern.WriteConcern)
	elements, err := doc.Elements()
	for _, element := range elements {
		switch v := element.Value(); element.Key() {
		case "w":
			if n, ok := v.AsInt64OK(); ok {
				concern.W = int(n)
			} else {
				concern.W, _ = v.StringValueOK()
			}
		case "journal", "j":
			journal, _ := v.BooleanOK()
			concern.Journal = &journal
		default: // wtimeoutMS, which the driver does not support
			return nil, &pending{"a write concern with " + element.Key()}
		}
	}
	return concern, err
}

func readPreferenceOf(v value) (*readpref.ReadPref, error) {
	var parts struct {
		Mode                string              `bson:"mode"`
		TagSets             []map[string]string `bson:"tagSets"`
		MaxStalenessSeconds *int64              `bson:"maxStalenessSeconds"`
		Hedge               bson.Raw            `bson:"hedge"`
	}
	if err := v.Unmarshal(&parts); err != nil {
		return nil, err
	}
	if parts.Hedge != nil {
		return nil, &pending{"a read preference with hedge"}
	}
	mode, err := readpref.ModeFromString(parts.Mode)
	if err != nil {
		return nil, err
	}
	var opts []readpref.Option
	if parts.TagSets != nil {
		opts = append(opts, readpref.WithTagSets(tag.NewTagSetsFromMaps(parts.TagSets)...))
	}
	if parts.MaxStalenessSeconds != nil {
		opts = append(opts, readpref.WithMaxStaleness(time.Duration(*parts.MaxStalenessSeconds)*time.Second))
	}
	return readpref.New(mode, opts...)
}

// serverAPIOf parses the serverApi of a client.
func serverAPIOf(doc bson.Raw) (*options.ServerAPIOptions, error) {
	var parts struct {
		Version           string `bson:"version"`
		Strict            *bool  `bson:"strict"`
		DeprecationErrors *bool  `bson:"deprecationErrors"`
	}
	if err := bson.Unmarshal(doc, &parts); err != nil {
		return nil, fmt.Errorf("serverApi: %w", err)
	}
	api := options.ServerAPI(options.ServerAPIVersion(parts.Version))
	if parts.Strict != nil {
		api.SetStrict(*parts.Strict)
	}
	if parts.DeprecationErrors != nil {
		api.SetDeprecationErrors(*parts.DeprecationErrors)
	}
	return api, nil
}
