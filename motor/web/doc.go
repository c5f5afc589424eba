// Package web serves files of GridFS over HTTP, after Motor's GridFSHandler.
//
//	handler, err := web.NewGridFSHandler(client.Database("app"), "fs")
//	http.Handle("GET /files/", http.StripPrefix("/files/", handler))
//
// A file is found by its name, of those of one name the newest, and is sent as a file server does: with Content-Type,
// Last-Modified and Etag, to HEAD without its bytes, 304 if the client has it (If-None-Match, If-Modified-Since), a part
// of it for Range. It is never in memory as a whole.
//
// # Cost
//
// A request finds the file's document, and then its chunks, two at a time, from the one where the range begins.
package web
