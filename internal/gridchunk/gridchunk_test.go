package gridchunk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/internal/gridchunk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// number is the _id of a file.
var number = bson.RawValue{Type: bson.TypeInt32, Value: []byte{7, 0, 0, 0}}

func ExampleBuffer() {
	b := gridchunk.New(number, 4, 10)
	b.Append([]byte("hello "))
	if _, err := b.Fill(strings.NewReader("world")); err != io.EOF {
		fmt.Println(err)
	}
	for _, doc := range b.Documents(20) {
		_, data := doc.Lookup("data").Binary()
		fmt.Printf("%v %v %q\n", doc.Lookup("files_id"), doc.Lookup("n"), data)
	}
	// Output:
	// {"$numberInt":"7"} {"$numberInt":"20"} "hell"
	// {"$numberInt":"7"} {"$numberInt":"21"} "o wo"
	// {"$numberInt":"7"} {"$numberInt":"22"} "rld"
}

// check compares the documents of b, whose data must be data, with those that package bson encodes. The first one has
// the number n.
func check(t *testing.T, b *gridchunk.Buffer, id any, size, n int, data []byte) {
	t.Helper()
	if b.Len() != len(data) {
		t.Errorf("Len() = %d, want %d", b.Len(), len(data))
	}
	var hashed []byte
	for part := range b.Data() {
		hashed = append(hashed, part...)
	}
	if !bytes.Equal(hashed, data) {
		t.Errorf("Data() = %d bytes, want the same %d bytes as were added", len(hashed), len(data))
	}
	docs := b.Documents(n)
	if want := (len(data) + size - 1) / size; len(docs) != want {
		t.Fatalf("Documents() = %d documents, want %d", len(docs), want)
	}
	seen := make(map[bson.ObjectID]bool)
	for i, doc := range docs {
		oid, ok := doc.Lookup("_id").ObjectIDOK()
		if !ok || oid.IsZero() || seen[oid] {
			t.Errorf("_id of document %d = %v, want a new ObjectID", i, doc.Lookup("_id"))
		}
		seen[oid] = true
		want, err := bson.Marshal(bson.D{
			{Key: "_id", Value: oid}, {Key: "files_id", Value: id}, {Key: "n", Value: int32(n + i)},
			{Key: "data", Value: bson.Binary{Data: data[i*size : min((i+1)*size, len(data))]}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(doc, want) {
			t.Errorf("document %d = %.200v, want %.200v", i, doc, bson.Raw(want))
		}
	}
}

// pattern returns n bytes whose order can be told.
func pattern(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i % 251)
	}
	return data
}

func TestBufferDocuments(t *testing.T) {
	for _, id := range []any{
		int32(7), bson.NewObjectID(), "name", nil, bson.MinKey{}, bson.D{{Key: "a", Value: bson.A{1}}}, strings.Repeat("long", 1_000),
	} {
		raw, err := bson.Marshal(bson.D{{Key: "_id", Value: id}})
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{1, 3, 4095, 4096, 4097, 255 << 10} {
			for _, length := range []int{0, 1, 2, 3, 4, 9, 10} { // parts of a third of a chunk
				part := pattern(max(size/3, 1))
				t.Run(fmt.Sprintf("%T, %d of %d", id, length, size), func(t *testing.T) {
					b := gridchunk.New(bson.Raw(raw).Lookup("_id"), size, 100)
					for n := range 2 { // the second time in the memory of the first
						var data []byte
						for range length {
							if n := b.Append(part); n != len(part) {
								t.Fatalf("Append() = %d, want %d", n, len(part))
							}
							data = append(data, part...)
						}
						check(t, b, id, size, n*1_000, data)
						b.Reset()
					}
				})
			}
		}
	}
}

func TestBufferFill(t *testing.T) {
	broken := errors.New("broken")
	const size, most = 5_000, 4
	for _, test := range []struct {
		name   string
		before int // bytes that the buffer has
		reader func(data io.Reader) io.Reader
		length int // bytes that the reader has
		want   int // bytes that the buffer has then
		err    error
	}{
		{"empty", 0, nil, 0, 0, io.EOF},
		{"part of a chunk", 0, nil, 10, 10, io.EOF},
		{"a chunk", 0, nil, size, size, io.EOF},
		{"after a chunk", size, nil, 10, size + 10, io.EOF},
		{"nothing after a chunk", size, nil, 0, size, io.EOF},
		{"fits", 0, nil, size * most, size * most, nil},
		{"too much", 10, nil, size * most, size * most, nil},
		{"full", size * most, nil, 10, size * most, nil},
		{"byte by byte", 7, iotest.OneByteReader, 2 * size, 2*size + 7, io.EOF},
		{"half of what is asked for", 0, iotest.HalfReader, 3 * size, 3 * size, io.EOF},
		{"data with the end", 0, iotest.DataErrReader, size + 1, size + 1, io.EOF},
		{"fails", 3, func(r io.Reader) io.Reader { return io.MultiReader(r, iotest.ErrReader(broken)) }, 10, 13, broken},
		{"idle", 3, func(r io.Reader) io.Reader { return io.MultiReader(r, result(0)) }, 10, 13, io.ErrNoProgress},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, data := gridchunk.New(number, size, most), pattern(size*most+10)
			if n := b.Append(data[:test.before]); n != test.before {
				t.Fatalf("Append() = %d, want %d", n, test.before)
			}
			var r io.Reader = bytes.NewReader(data[test.before:][:test.length])
			if test.reader != nil {
				r = test.reader(r)
			}
			if n, err := b.Fill(r); n != test.want-test.before || err != test.err {
				t.Errorf("Fill() = %d, %v, want %d, %v", n, err, test.want-test.before, test.err)
			}
			if room := size*most - test.want; b.Room() != room {
				t.Errorf("Room() = %d, want %d", b.Room(), room)
			}
			check(t, b, int32(7), size, 0, data[:test.want])
		})
	}
}

// result is a reader that always returns this number.
type result int

func (r result) Read([]byte) (int, error) { return int(r), nil }

func TestBufferFillImpossibleResult(t *testing.T) {
	for _, r := range []result{-1, 1 << 30} {
		b := gridchunk.New(number, 10, 1)
		n, err := b.Fill(r)
		if want := fmt.Sprintf("invalid result %d of Read: need at least 0 and at most 10", int(r)); n != 0 || err == nil || err.Error() != want {
			t.Errorf("Fill() = %d, %v, want 0, %s", n, err, want)
		}
	}
}

func TestBufferAppendWithoutRoom(t *testing.T) {
	b, data := gridchunk.New(number, 10, 3), pattern(40)
	if n := b.Append(data); n != 30 {
		t.Errorf("Append() of 40 bytes = %d, want 30", n)
	}
	if n := b.Append(data); n != 0 {
		t.Errorf("Append() to a full buffer = %d, want 0", n)
	}
	check(t, b, int32(7), 10, 0, data[:30])
}

// TestBufferSmallFile writes less than a chunk, which must not take the memory of a chunk.
func TestBufferSmallFile(t *testing.T) {
	const times, limit = 100, 16 << 10
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		b := gridchunk.New(number, 16<<20, 1)
		if _, err := b.Fill(iotest.OneByteReader(strings.NewReader("a small file"))); err != io.EOF {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / times; n > limit {
		t.Errorf("a file of 12 bytes allocates %d bytes, want at most %d", n, limit)
	}
}
