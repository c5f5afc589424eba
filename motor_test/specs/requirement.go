package specs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// requirement is one of the alternatives in runOnRequirements.
type requirement struct {
	MinServerVersion string   `bson:"minServerVersion"`
	MaxServerVersion string   `bson:"maxServerVersion"`
	Topologies       []string `bson:"topologies"`
	Serverless       string   `bson:"serverless"`
	ServerParameters bson.Raw `bson:"serverParameters"`
	Auth             *bool    `bson:"auth"`
	AuthMechanism    string   `bson:"authMechanism"`
	CSFLE            value    `bson:"csfle"`
}

// unmet returns why no alternative is met, or "".
func unmet(alternatives []requirement, s *server) string {
	var reasons []string
	for _, r := range alternatives {
		reason := r.unmet(s)
		if reason == "" {
			return ""
		}
		reasons = append(reasons, reason)
	}
	return strings.Join(reasons, ", or ")
}

func (r *requirement) unmet(s *server) string {
	switch {
	case r.MinServerVersion != "" && slices.Compare(versionOf(r.MinServerVersion), s.version) > 0:
		return "needs server version " + r.MinServerVersion + " or later"
	case r.MaxServerVersion != "" && slices.Compare(versionOf(r.MaxServerVersion), s.version) < 0:
		return "needs server version " + r.MaxServerVersion + " or earlier"
	case len(r.Topologies) > 0 && !slices.ContainsFunc(r.Topologies, s.isTopology):
		return "needs the topology " + strings.Join(r.Topologies, " or ")
	case r.Serverless == "require":
		return "needs a serverless deployment"
	case r.Auth != nil && *r.Auth != s.auth:
		return fmt.Sprintf("needs authentication %v", *r.Auth)
	case r.AuthMechanism != "" && !slices.Contains(s.mechanisms, r.AuthMechanism):
		return "needs the mechanism " + r.AuthMechanism
	case isTrue(r.CSFLE):
		return "needs client-side encryption"
	}
	parameters, err := r.ServerParameters.Elements()
	if len(r.ServerParameters) > 0 && err != nil {
		return err.Error()
	}
	for _, parameter := range parameters {
		m := matcher{}
		if m.match(parameter.Value(), s.parameters.Lookup(parameter.Key()), false) != nil {
			return "needs the server parameter " + parameter.Key() + ": " + parameter.Value().String()
		}
	}
	return ""
}

// isTrue reports whether client-side encryption is required, by true or by a document.
func isTrue(v value) bool {
	flag, isFlag := v.BooleanOK()
	return !v.IsZero() && (flag || !isFlag)
}

// versionOf returns the numbers of a version. Missing ones, as in "4.99", are 0. That is right for a lower bound, and
// makes almost no difference for an upper bound.
func versionOf(text string) []int {
	numbers := make([]int, 3)
	for i, part := range strings.SplitN(text, ".", 3) {
		part, _, _ = strings.Cut(part, "-")
		numbers[i], _ = strconv.Atoi(part)
	}
	return numbers
}
