package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
)

// ProfilingLevel says which operations the server's profiler writes down.
//
// Motor: pymongo.OFF, pymongo.SLOW_ONLY, pymongo.ALL.
type ProfilingLevel int

// The levels of SetProfilingLevel.
const (
	ProfilingOff      ProfilingLevel = 0
	ProfilingSlowOnly ProfilingLevel = 1
	ProfilingAll      ProfilingLevel = 2
)

// ProfilingOptions say which operations [Database.SetProfilingLevel] is about. What is nil stays as it is.
type ProfilingOptions struct {
	SlowMS     *int     // milliseconds from which on an operation is slow
	SampleRate *float64 // the part of the slow operations that is written down, from 0 to 1
	Filter     any      // a query: operations that it matches are written down, slow or not
}

// SetProfilingLevel sets which operations the database's profiler writes down.
//
// Errors: [ValueError] for a level that there is not, a negative time and a rate that is not from 0 to 1; [TypeError]
// and [InvalidDocument] for a bad filter.
//
// Legacy: use Command(ctx, bson.D{{"profile", level}}). Motor: MotorDatabase.set_profiling_level.
func (d *Database) SetProfilingLevel(ctx context.Context, level ProfilingLevel, opts ...ProfilingOptions) *future.Future[struct{}] {
	command, err := d.profileCommand(level, opts)
	if err != nil {
		return failed[struct{}](d.client, err)
	}
	return ask(ctx, d, command, done)
}

func (d *Database) profileCommand(level ProfilingLevel, opts []ProfilingOptions) (bson.D, error) {
	how, err := atMostOne("SetProfilingLevel", opts)
	if err != nil {
		return nil, err
	}
	if level < ProfilingOff || level > ProfilingAll {
		return nil, newError(ValueError, "SetProfilingLevel(%d): there are the levels 0, 1 and 2", level)
	}
	command := bson.D{{Key: "profile", Value: int(level)}}
	if ms := how.SlowMS; ms != nil {
		if *ms < 0 {
			return nil, newError(ValueError, "SetProfilingLevel: SlowMS is %d", *ms)
		}
		command = append(command, bson.E{Key: "slowms", Value: *ms})
	}
	if rate := how.SampleRate; rate != nil {
		if !(*rate >= 0 && *rate <= 1) { // NaN is neither
			return nil, newError(ValueError, "SetProfilingLevel: SampleRate is %g", *rate)
		}
		command = append(command, bson.E{Key: "sampleRate", Value: *rate})
	}
	if how.Filter != nil {
		filter, err := d.codec.encode("filter", how.Filter)
		if err != nil {
			return nil, err
		}
		command = append(command, bson.E{Key: "filter", Value: filter})
	}
	return command, nil
}

// ProfilingLevel returns which operations the database's profiler records.
//
// Legacy: use Command(ctx, bson.D{{"profile", -1}}). Motor: MotorDatabase.profiling_level.
func (d *Database) ProfilingLevel(ctx context.Context) *future.Future[ProfilingLevel] {
	command := bson.D{{Key: "profile", Value: -1}}
	return ask(ctx, d, command, func(reply bson.M, err error) (ProfilingLevel, error) {
		if err != nil {
			return 0, err
		}
		switch level := reply["was"].(type) {
		case int32:
			return ProfilingLevel(level), nil
		case int64:
			return ProfilingLevel(level), nil
		case float64:
			return ProfilingLevel(level), nil
		}
		return 0, newError(ProtocolError, "profile: the reply has no level: %v", reply)
	})
}

// ProfilingInfo returns everything that the database's profiler has recorded and not discarded yet.
//
// Legacy: use Find on the collection system.profile. Motor: MotorDatabase.profiling_info.
func (d *Database) ProfilingInfo(ctx context.Context) *future.Future[[]bson.M] {
	return d.Collection("system.profile").Find(bson.D{}).ToList(ctx)
}
