//go:build tools

package specs

// The specification files come with this module. The import keeps it among the requirements, though nothing else uses
// it.
import _ "go.mongodb.org/mongo-driver/version"
