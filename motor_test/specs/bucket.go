package specs

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// bucketOptions are the options of a bucket entity.
type bucketOptions struct {
	handleOptions `bson:",inline"`
	Name          *string `bson:"bucketName"`
	ChunkSize     *int32  `bson:"chunkSizeBytes"`
}

func (o *bucketOptions) builder() (*options.BucketOptionsBuilder, error) {
	opts := options.GridFSBucket()
	if o.Name != nil {
		opts.SetName(*o.Name)
	}
	if o.ChunkSize != nil {
		opts.SetChunkSizeBytes(*o.ChunkSize)
	}
	return opts, apply(o.handleOptions, opts)
}

var (
	fileID      = parameter{name: "id", as: anyValue}
	filename    = parameter{name: "filename", as: text}
	newFilename = parameter{name: "newFilename", as: text}
	source      = parameter{name: "source", as: hexBytes}
)

func anyValue(v value) (any, error) { return nativeOf(v) }

// hexBytes returns a reader of {$$hexBytes: "00ff"}.
func hexBytes(v value) (any, error) {
	doc, _ := v.DocumentOK()
	text, ok := doc.Lookup("$$hexBytes").StringValueOK()
	if !ok {
		return nil, fmt.Errorf("want $$hexBytes, got %s", v)
	}
	data, err := hex.DecodeString(text)
	return io.Reader(bytes.NewReader(data)), err
}

// uploading runs an upload without disableMD5: drivers no longer compute an MD5.
func uploading(op operation) func(*run, *entity, call) (outcome, error) {
	op.options = optional(options.GridFSUpload)
	return func(r *run, e *entity, c call) (outcome, error) {
		var err error
		if _, c.Arguments, err = take(c.Arguments, "disableMD5"); err != nil {
			return outcome{}, err
		}
		return r.perform(op, e, c)
	}
}

// download reads the file that an argument names.
func download(method, name string, as func(value) (any, error)) func(*run, *entity, call) (outcome, error) {
	return func(r *run, e *entity, c call) (outcome, error) {
		var data bytes.Buffer
		op := operation{method: method, required: []parameter{{name: name, as: as}, {name: "destination", fallback: &data}}}
		if name == "filename" {
			op.options = optional(options.GridFSName)
		}
		o, err := r.perform(op, e, c)
		if err == nil && o.err == nil {
			o.result = bson.Binary{Data: data.Bytes()}
		}
		return o, err
	}
}
