// Package web serves files of GridFS over HTTP, after Motor's GridFSHandler.
//
//	handler, err := web.NewGridFSHandler(client.Database("app"), "fs")
//	http.Handle("GET /files/", http.StripPrefix("/files/", handler))
//
// The handler finds a file by its name, the newest one of that name. It answers as a file server does: with Content-Type,
// Last-Modified and Etag; without the bytes to HEAD; with 304 if the client has the file (If-None-Match,
// If-Modified-Since); with a part of the file for Range. The file is never in memory as a whole.
//
// # Cost
//
// A request is a query for the file's document and one for its chunks, which come two at a time, from the one where the
// range begins.
package web
