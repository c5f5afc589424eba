package motor_test

import (
	"reflect"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// TestDriverOptionsAreKnown fails when the driver adds a field to an option struct that motor reads field by field.
// The tests of internal/command cover the options of commands and converters.
func TestDriverOptionsAreKnown(t *testing.T) {
	for _, c := range []struct {
		where   string // the code that names the fields
		options any
		known   []string
	}{
		{"Watch, which encodes documents and copies what the caller may change", options.ChangeStreamOptions{}, []string{
			"BatchSize", "Collation", "Comment", "FullDocument", "FullDocumentBeforeChange", "MaxAwaitTime", "ResumeAfter",
			"ShowExpandedEvents", "StartAtOperationTime", "StartAfter", "Custom", "CustomPipeline",
		}},
		{"Collection.BulkWrite, which encodes documents", options.BulkWriteOptions{}, []string{
			"BypassDocumentValidation", "Comment", "Ordered", "Let",
		}},
		{"Client.BulkWrite, which encodes documents", options.ClientBulkWriteOptions{}, []string{
			"BypassDocumentValidation", "Comment", "Ordered", "Let", "WriteConcern", "VerboseResults",
		}},
		{"Drop by a command", options.DropCollectionOptions{}, []string{"EncryptedFields"}},
		{"DropIndex by a command", options.DropIndexesOptions{}, nil},
		{"DropSearchIndex", options.DropSearchIndexOptions{}, nil},
		{"UpdateSearchIndex", options.UpdateSearchIndexOptions{}, nil},
		{"StartTransaction, which merges them with the defaults", options.TransactionOptions{}, []string{
			"ReadConcern", "ReadPreference", "WriteConcern",
		}},
		{"StartSession", options.SessionOptions{}, []string{
			"CausalConsistency", "DefaultTransactionOptions", "Snapshot", "SnapshotTime",
		}},
		{"NewGridFSBucket", options.BucketOptions{}, []string{
			"Name", "ChunkSizeBytes", "WriteConcern", "ReadConcern", "ReadPreference",
		}},
		{"uploads to GridFS", options.GridFSUploadOptions{}, []string{"ChunkSizeBytes", "Metadata", "Registry"}},
		{"OpenDownloadStreamByName", options.GridFSNameOptions{}, []string{"Revision"}},
		{"Find of GridFS, which converts them to FindOptions", options.GridFSFindOptions{}, []string{
			"AllowDiskUse", "BatchSize", "Limit", "NoCursorTimeout", "Skip", "Sort",
		}},
		{"internal/bsoncodec, which sets them on encoders and decoders", options.BSONOptions{}, []string{
			"UseJSONStructTags", "ErrorOnInlineDuplicates", "IntMinSize", "NilMapAsEmpty", "NilSliceAsEmpty",
			"NilByteSliceAsEmpty", "OmitZeroStruct", "OmitEmpty", "StringifyMapKeysWithFmt", "AllowTruncatingDoubles",
			"BinaryAsSlice", "DefaultDocumentM", "DefaultDocumentMap", "ObjectIDAsHexString", "UseLocalTimeZone", "ZeroMaps",
			"ZeroStructs",
		}},
	} {
		typ := reflect.TypeOf(c.options)
		for i := range typ.NumField() {
			// Only the driver's own packages use the field Internal.
			if name := typ.Field(i).Name; name != "Internal" && !slices.Contains(c.known, name) {
				t.Errorf("driver option %s.%s is not handled in %s", typ, name, c.where)
			}
		}
		for _, name := range c.known {
			if _, ok := typ.FieldByName(name); !ok {
				t.Errorf("driver option %s.%s, handled in %s, no longer exists", typ, name, c.where)
			}
		}
	}
}
