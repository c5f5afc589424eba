// Package bsoncodec encodes arguments of operations and decodes their results. It knows BSON, registries, options,
// sizes and nesting, and nothing of clients, cursors or GridFS.
//
// There are two ways through it. Documents that are maps and lists of plain values are read and written without
// reflection, and without the driver. Structs, registries and options go to the driver's encoder and decoder. Both
// ways have the same results; fuzz tests compare them.
//
// No document makes the stack overflow: documents nested more than [MaxDepth] deep are an error in both directions,
// and so is a Go value that contains itself.
//
// An error is an [*Error] with a [Kind]. The package that shows it to users gives it its class.
package bsoncodec
