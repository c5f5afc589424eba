package drivercompat

import (
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The packages of the driver that declare the recognized error types.
const (
	driverPackage   = "go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	topologyPackage = driverPackage + "/topology"
	bsoncorePackage = "go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// IsServerSelection reports whether no suitable server was found for an operation.
func IsServerSelection(err error) bool { return is(err, topologyPackage, "ServerSelectionError") }

// IsWaitQueueTimeout reports whether a time limit expired while an operation waited for a connection.
func IsWaitQueueTimeout(err error) bool { return is(err, topologyPackage, "WaitQueueTimeoutError") }

// IsPoolCleared reports whether an operation lost its connection because another one failed.
func IsPoolCleared(err error) bool { return is(err, topologyPackage, "poolClearedError") }

// IsConnection reports whether a connection could not be opened, or failed.
func IsConnection(err error) bool { return is(err, topologyPackage, "ConnectionError") }

// IsRefusedLogin reports whether an authentication failed although the connection held: the server refused the
// credentials, or the driver did not believe the server.
func IsRefusedLogin(err error) bool {
	v := find(err, driverPackage+"/auth", "Error")
	if !v.IsValid() || !v.CanAddr() {
		return false
	}
	failed, ok := v.Addr().Interface().(interface{ Unwrap() error })
	if !ok {
		return false
	}
	cause := failed.Unwrap()
	var network net.Error
	return !errors.As(cause, &network) && !errors.Is(cause, io.EOF) && !errors.Is(cause, io.ErrUnexpectedEOF) &&
		!errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) && !IsConnection(cause)
}

// IsLoginAfterAnswer reports whether an operation failed because of an authentication, its own or that of another
// operation. The server had answered before. The cause of a cleared pool is only in its text.
func IsLoginAfterAnswer(err error) bool {
	return IsRefusedLogin(err) || IsPoolCleared(err) && strings.Contains(err.Error(), "auth error: ")
}

// IsPlain reports whether no error in the tree of err has a type, except the types of the packages errors and fmt, and
// those of errors in reading BSON. The driver returns such errors for replies that do not have the expected fields.
func IsPlain(err error) bool {
	t := reflect.Indirect(reflect.ValueOf(err)).Type()
	switch t.PkgPath() {
	case "errors", "fmt", bsoncorePackage:
	default:
		if t != reflect.TypeFor[bson.DecodeError]() {
			return false
		}
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		inner := wrapper.Unwrap()
		return inner == nil || IsPlain(inner)
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(wrapper.Unwrap(), func(inner error) bool { return !IsPlain(inner) })
	}
	return true
}

// IsTooLarge reports whether the driver refused to send a document, or a statement such as an update with its filter,
// that is larger than the server accepts. Its error has only a text, which speaks of inserts in all cases.
func IsTooLarge(err error) bool {
	return err != nil && IsPlain(err) && strings.HasSuffix(err.Error(), "an inserted document is too large")
}

// WriteCommandReply returns the server's reply to a command, such as drop, that succeeded but failed its write
// concern. It returns nil for other errors. Commands whose errors have an exported type in the driver do not need it.
func WriteCommandReply(err error) bson.Raw {
	v := find(err, driverPackage, "WriteCommandError")
	if !v.IsValid() {
		return nil
	}
	raw := v.FieldByName("Raw")
	if !raw.IsValid() || !raw.CanConvert(reflect.TypeFor[bson.Raw]()) {
		return nil
	}
	return raw.Convert(reflect.TypeFor[bson.Raw]()).Interface().(bson.Raw)
}

func is(err error, pkg, name string) bool { return find(err, pkg, name).IsValid() }

// find returns the first error of a type in the tree of err, in the order of [errors.As], or the zero Value.
func find(err error, pkg, name string) reflect.Value {
	for err != nil {
		v := reflect.ValueOf(err)
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.IsValid() && v.Type().Name() == name && v.Type().PkgPath() == pkg {
			return v
		}
		switch wrapper := err.(type) {
		case interface{ Unwrap() error }:
			err = wrapper.Unwrap()
		case interface{ Unwrap() []error }:
			for _, joined := range wrapper.Unwrap() {
				if v := find(joined, pkg, name); v.IsValid() {
					return v
				}
			}
			return reflect.Value{}
		default:
			return reflect.Value{}
		}
	}
	return reflect.Value{}
}
