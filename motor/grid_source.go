package motor

import "io"

// gridSource is something that is written: a reader, or else bytes.
type gridSource struct {
	reader io.Reader
	data   []byte
}

func newGridSource(data any) (gridSource, error) {
	switch d := data.(type) {
	case []byte:
		return gridSource{data: d}, nil
	case string:
		return gridSource{data: []byte(d)}, nil
	case io.Reader:
		if !isNil(d) {
			return gridSource{reader: d}, nil
		}
	}
	return gridSource{}, newError(TypeError, "can only write bytes, strings or io.Readers, not %T", data)
}

// fill reads until there is no more room, or the reader gives an error.
func fill(r io.Reader, data []byte) (n int, err error) {
	for idle := 0; n < len(data) && err == nil; {
		var more int
		more, err = r.Read(data[n:])
		if n += more; more > 0 {
			idle = 0
		} else if idle++; idle == 100 && err == nil {
			err = io.ErrNoProgress
		}
	}
	return n, err
}
