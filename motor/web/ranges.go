package web

import (
	"cmp"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxRanges is the largest number of ranges that a response has. Each range may need a query, and each query transfers
// two chunks or half a megabyte. Viewers of documents and media ask for a few ranges at a time. RFC 9110, section 14.2,
// lets a server ignore a set of many small ranges.
const maxRanges = 10

// byteRange is a part of a file, from its first to its last byte. It is not empty.
type byteRange struct{ first, last int64 }

// withRanges returns the writer and the request for [http.ServeContent], which serves every range that it is asked for.
// The request has the Range that the handler serves of a file of size bytes, or none for the whole file.
func withRanges(w http.ResponseWriter, r *http.Request, size int64) (http.ResponseWriter, *http.Request) {
	asked := r.Header.Values("Range")
	if len(asked) == 0 {
		return w, r
	}
	// HEAD has no ranges, and Range is not a list that several headers may have (RFC 9110, section 14.2).
	var served string
	if r.Method == http.MethodGet && len(asked) == 1 {
		served = servedRange(asked[0], size)
	}
	r = r.WithContext(r.Context())
	r.Header = maps.Clone(r.Header)
	if served == "" {
		r.Header.Del("Range")
		return w, r
	}
	r.Header.Set("Range", served)
	if size == 0 {
		w = unsatisfied{w}
	}
	return w, r
}

// Values of Range that ServeContent answers with 416.
const (
	invalidRange = "bytes=invalid"
	beyondEnd    = "bytes=9223372036854775807-"
)

// servedRange returns the value of Range to serve instead of asked, or "" for the whole file.
func servedRange(asked string, size int64) string {
	unit, list, found := strings.Cut(asked, "=")
	if !found {
		return invalidRange
	}
	if !strings.EqualFold(unit, "bytes") {
		return "" // a server must ignore units that it does not know
	}
	var ranges []byteRange
	none := true
	for spec := range strings.SplitSeq(list, ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" {
			continue
		}
		none = false
		r, ok := parseRange(spec, size)
		switch {
		case !ok:
			return invalidRange
		case r.first <= r.last:
			ranges = append(ranges, r)
		case size == 0 && !strings.HasPrefix(spec, "-"):
			return "" // some clients send bytes=0- to get the whole file
		}
	}
	switch {
	case none, len(ranges) > maxRanges, overlap(ranges):
		return ""
	case len(ranges) > 0:
		return formatRanges(ranges)
	case size == 0:
		return invalidRange // ServeContent ignores beyondEnd for an empty file
	}
	return beyondEnd
}

// parseRange parses "first-last", "first-" or "-length". It reports whether spec is valid. The range is empty, with
// first after last, if the file does not have any of its bytes.
func parseRange(spec string, size int64) (r byteRange, ok bool) {
	start, end, found := strings.Cut(spec, "-")
	start, end = strings.Trim(start, " \t"), strings.Trim(end, " \t")
	switch {
	case !found:
		return r, false
	case start == "":
		length, ok := parseNumber(end)
		return byteRange{size - min(length, size), size - 1}, ok
	case end == "":
		first, ok := parseNumber(start)
		return byteRange{first, size - 1}, ok
	}
	first, ok1 := parseNumber(start)
	last, ok2 := parseNumber(end)
	return byteRange{first, min(last, size-1)}, ok1 && ok2 && first <= last
}

// parseNumber parses decimal digits. A number above the largest int64 is that int64: no file is longer.
func parseNumber(digits string) (n int64, ok bool) {
	for _, d := range []byte(digits) {
		if d < '0' || d > '9' {
			return 0, false
		}
		if v := int64(d - '0'); n > (math.MaxInt64-v)/10 {
			n = math.MaxInt64
		} else {
			n = 10*n + v
		}
	}
	return n, digits != ""
}

// overlap reports whether two of the ranges share a byte.
func overlap(ranges []byteRange) bool {
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b byteRange) int { return cmp.Compare(a.first, b.first) })
	for i := range len(sorted) - 1 {
		if sorted[i+1].first <= sorted[i].last {
			return true
		}
	}
	return false
}

func formatRanges(ranges []byteRange) string {
	specs := make([]string, len(ranges))
	for i, r := range ranges {
		specs[i] = strconv.FormatInt(r.first, 10) + "-" + strconv.FormatInt(r.last, 10)
	}
	return "bytes=" + strings.Join(specs, ",")
}

// unsatisfied adds the length to the 416 for a range of an empty file.
type unsatisfied struct{ http.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (w unsatisfied) WriteHeader(status int) {
	if status == http.StatusRequestedRangeNotSatisfiable {
		w.Header().Set("Content-Range", "bytes */0")
	}
	w.ResponseWriter.WriteHeader(status)
}
