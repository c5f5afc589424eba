package motor

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
)

// WithOptions returns a handle for the same database that has opts as well, and instead where both say something. It
// does no I/O.
//
// Motor: MotorDatabase.with_options.
func (d *Database) WithOptions(opts ...options.Lister[options.DatabaseOptions]) *Database {
	with := d.client.Database(d.name, slices.Concat(d.opts, opts)...)
	set, _ := mergeOptions(opts) // an error of theirs is one of all the options, and so is with.err
	if err := with.take(&d.concerns, set.WriteConcern, set.ReadPreference); with.err == nil {
		with.err = err
	}
	with.codec = d.codec.with(set.Registry, set.BSONOptions)
	return with
}

// ReadConcern returns how widely what is read must have been written: nil leaves that to the server.
//
// Motor: MotorDatabase.read_concern.
func (d *Database) ReadConcern() *readconcern.ReadConcern {
	set, _ := mergeOptions(d.opts) // an error is d.err
	if set.ReadConcern != nil {
		return set.ReadConcern
	}
	return d.client.driver.ReadConcern
}
