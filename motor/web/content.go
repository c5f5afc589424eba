package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor"
)

// content is a file as [http.ServeContent] takes it. It remembers that reading has failed, which ServeContent does not
// tell. For several ranges that has a goroutine read, which may come to its end later.
type content struct {
	io.ReadSeeker
	failed atomic.Bool
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	n, err := c.ReadSeeker.Read(p)
	if err != nil && err != io.EOF {
		c.failed.Store(true)
	}
	return n, err
}

// checksum returns what tells a file from another one of the same name: the md5 that files of old have, and otherwise
// Motor's checksum, digit by digit, so that what clients have kept of a Python program stays good.
func checksum(out *motor.GridOut) string {
	// The file is open.
	if md5, _ := out.MD5(); md5 != "" {
		return md5
	}
	id, _ := out.ID()
	length, _ := out.Length()
	date, _ := out.UploadDate()
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%s%d%s", inPython(id), length, dateInPython(date))
	return hex.EncodeToString(sum.Sum(nil))
}

// inPython writes an _id as Python's str does, for those types that can be expected of it.
func inPython(id any) string {
	switch v := id.(type) {
	case bson.ObjectID:
		return v.Hex()
	case bool:
		if v {
			return "True"
		}
		return "False"
	}
	return fmt.Sprint(id)
}

// dateInPython writes a date as Python's str does: with six digits after the second, or none.
func dateInPython(date time.Time) string {
	layout := "2006-01-02 15:04:05"
	if date.Nanosecond() != 0 {
		layout += ".000000"
	}
	return date.UTC().Format(layout)
}
