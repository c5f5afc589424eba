// Gridfs ports a program that writes, reads, lists and deletes files.
package main

import (
	"fmt"
	"os"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

func run(co *callback.Co) {
	db := motor.MustClient(os.Args[1]).Database("porting_gridfs")
	bucket := callback.Must(co, future.Settled(motor.NewGridFSBucket(db, options.GridFSBucket().SetName("files"))))
	callback.Must(co, db.DropCollection(co, "files.files"))
	callback.Must(co, db.DropCollection(co, "files.chunks"))
	metadata := options.GridFSUpload().SetMetadata(bson.D{{Key: "z", Value: 1}, {Key: "a", Value: 2}})
	callback.Must(co, bucket.UploadFromStream(co, "a.txt", strings.NewReader("hello, "), metadata))
	co.Must(bucket.OpenUploadStream("a.txt").Scope(co, func(in *motor.GridIn) error {
		callback.Must(co, in.Write(co, "hello, "))
		callback.Must(co, in.Write(co, "world"))
		return nil
	}))
	out := callback.Must(co, bucket.OpenDownloadStreamByName(co, "a.txt"))
	info := callback.Must(co, future.Settled(out.Info()))
	fmt.Println(info.Filename, info.Length, string(callback.Must(co, out.Read(co, -1))))
	out = callback.Must(co, bucket.OpenDownloadStreamByName(co, "a.txt", options.GridFSName().SetRevision(0)))
	info = callback.Must(co, future.Settled(out.Info()))
	fmt.Printf("%d ['%s', '%s']\n", info.Length, info.Metadata[0].Key, info.Metadata[1].Key)
	for f := range callback.Range(co, bucket.Find(bson.M{}).Sort("length", -1).All(co)) {
		info := callback.Must(co, future.Settled(f.Info()))
		fmt.Println(info.Filename, info.Length)
	}
	callback.Must(co, bucket.Delete(co, info.ID))
	if co.Try(func() { callback.Must(co, bucket.OpenDownloadStream(co, info.ID)) }, motor.NoFile) != nil {
		fmt.Println("no such file")
	}
}

func main() { callback.Main(run) }
