package bsoncodec_test

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/internal/bsoncodec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func isTooDeep(err error) bool { return errors.Is(err, bsoncodec.ErrTooDeep) }
