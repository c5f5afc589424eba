// Package web serves files of GridFS over HTTP, like Motor's GridFSHandler, and statistics of a client ([StatsHandler]).
//
//	handler, err := web.NewGridFSHandler(client.Database("app"), "fs")
//	http.Handle("GET /files/", http.StripPrefix("/files/", handler))
//
// The handler finds a file by its name and serves the newest one of that name. It sets Content-Type, Last-Modified and
// Etag. It answers HEAD without the bytes, answers 304 if the client has the file (If-None-Match, If-Modified-Since),
// and serves parts of the file for Range. It serves the whole file instead of more than ten ranges, and of ranges that
// overlap. It never holds the whole file in memory.
//
// # Cost
//
// A request makes one query for the file's document and one for its chunks. The chunks are fetched two at a time,
// starting at the range. Ranges that follow each other closely share the query. Others have a query each.
package web
