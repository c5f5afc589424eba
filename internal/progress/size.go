package progress

import (
	"io"
	"io/fs"
)

// SizeOf returns how many bytes a reader will return, or 0 if it does not say. It asks readers that know the number of
// their unread bytes, such as [bytes.Reader], and regular files. It calls methods of the reader.
func SizeOf(r io.Reader) int64 {
	switch r := r.(type) {
	case interface{ Len() int }:
		return int64(r.Len())
	case *io.LimitedReader:
		if inner := SizeOf(r.R); inner > 0 {
			return max(min(r.N, inner), 0)
		}
	case interface {
		io.Seeker
		Stat() (fs.FileInfo, error)
	}:
		info, err := r.Stat()
		if err != nil || !info.Mode().IsRegular() {
			return 0
		}
		if at, err := r.Seek(0, io.SeekCurrent); err == nil {
			return max(info.Size()-at, 0)
		}
	}
	return 0
}
