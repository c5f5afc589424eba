package faultproxy

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Codes of the proxy's own errors.
const (
	codeInternal         = 1
	codeBadValue         = 2
	codeIllegalOperation = 20
	codeInvalidOptions   = 72
	codeCursorNotFound   = 43
	codeCursorKilled     = 237
	codeLoadBalancer     = 354

	codeNotPrimary              = 10107
	codeNotPrimaryNoSecondaryOk = 13435
	codeAPIVersion              = 322
)

// codeNames are the names of the codes that tests use.
var codeNames = map[int32]string{
	1: "InternalError", 2: "BadValue", 6: "HostUnreachable", 7: "HostNotFound", 8: "UnknownError", 11: "UserNotFound",
	13: "Unauthorized", 18: "AuthenticationFailed", 20: "IllegalOperation", 43: "CursorNotFound", 47: "NoMatchingDocument", 50: "MaxTimeMSExpired",
	51: "InvalidRoleModification", 59: "CommandNotFound", 63: "StaleShardVersion", 64: "WriteConcernFailed", 72: "InvalidOptions",
	79: "UnknownReplWriteConcern", 89: "NetworkTimeout", 91: "ShutdownInProgress", 100: "UnsatisfiableWriteConcern",
	112: "WriteConflict", 133: "FailedToSatisfyReadPreference", 134: "ReadConcernMajorityNotAvailableYet",
	136: "CappedPositionLost", 150: "StaleEpoch", 189: "PrimarySteppedDown", 202: "NetworkInterfaceExceededTimeLimit",
	211: "KeyNotFound", 217: "IncompleteTransactionHistory", 222: "CloseChangeStream", 234: "RetryChangeStream",
	237: "CursorKilled", 244: "TransactionAborted", 251: "NoSuchTransaction", 260: "InvalidResumeToken", 262: "ExceededTimeLimit",
	280: "ChangeStreamFatalError", 286: "ChangeStreamHistoryLost", 322: "APIVersionError", 354: "LoadBalancerSupportMismatch", 391: "ReauthenticationRequired", 9001: "SocketException", 10058: "LegacyNotPrimary",
	10107: "NotWritablePrimary", 11000: "DuplicateKey", 11600: "InterruptedAtShutdown", 11601: "Interrupted",
	11602: "InterruptedDueToReplStateChange", 13388: "StaleConfig", 13435: "NotPrimaryNoSecondaryOk",
	13436: "NotPrimaryOrSecondary",
}

// stateChangeCodes are the codes whose errors tell a topologyVersion.
var stateChangeCodes = []int32{91, 189, 10058, 10107, 11600, 11602, 13435, 13436}

// retryableWriteCodes are the codes with which a server adds the label RetryableWriteError.
var retryableWriteCodes = []int64{6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436}

// resumableCodes are the codes with which a server adds the label ResumableChangeStreamError to the error of a getMore.
var resumableCodes = []int32{6, 7, 63, 89, 91, 133, 150, 189, 234, 262, 9001, 10107, 11600, 11602, 13388, 13435, 13436}

// The labels that a server adds.
const (
	retryableWrite = "RetryableWriteError"
	resumable      = "ResumableChangeStreamError"
	notResumable   = "NonResumableChangeStreamError"
)

// failure returns the reply of a command that fails. Labels that are not nil replace those of the server.
func (c *connection) failure(code int32, text string, labels []string) bson.Raw {
	name := codeNames[code]
	if name == "" {
		name = "Location"
	}
	reply := bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: text}, {Key: "code", Value: code}, {Key: "codeName", Value: name}}
	if slices.Contains(stateChangeCodes, code) && !c.proxy.balanced { // a router tells none
		reply = append(reply, bson.E{Key: "topologyVersion", Value: c.proxy.topologyVersion(c.member)})
	}
	if labels != nil {
		reply = append(reply, bson.E{Key: "errorLabels", Value: labels})
	}
	return mustMarshal(reply)
}

// labelled returns a reply with the label of a retryable write, if a server would add it. A list of labels, even an
// empty one, stays as it is.
func labelled(m *message, body bson.Raw) bson.Raw {
	if m.body.Lookup("txnNumber").IsZero() || !body.Lookup("errorLabels").IsZero() {
		return body
	}
	code, ok := body.Lookup("code").AsInt64OK()
	if !ok {
		code, _ = body.Lookup("writeConcernError", "code").AsInt64OK()
	}
	if !slices.Contains(retryableWriteCodes, code) {
		return body
	}
	return with(body, bson.E{Key: "errorLabels", Value: []string{retryableWrite}})
}

// withWriteConcernError returns the reply of a command whose write concern fails.
func withWriteConcernError(body bson.Raw, f *fault) (bson.Raw, error) {
	fields := []bson.E{}
	failed := bson.D{}
	elements, err := f.WriteConcernError.Elements()
	if err != nil {
		return nil, err
	}
	labels := f.ErrorLabels
	for _, e := range elements {
		if e.Key() == "errorLabels" { // on the reply, not in the error
			if err := e.Value().Unmarshal(&labels); err != nil {
				return nil, err
			}
			continue
		}
		failed = append(failed, bson.E{Key: e.Key(), Value: e.Value()})
	}
	fields = append(fields, bson.E{Key: "writeConcernError", Value: failed})
	if labels != nil {
		fields = append(fields, bson.E{Key: "errorLabels", Value: labels})
	}
	return with(body, fields...), nil
}
