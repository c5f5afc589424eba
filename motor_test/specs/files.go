//go:build tools

package specs

// The files come with this module, of which nothing else is needed: the import keeps it among the requirements.
import _ "go.mongodb.org/mongo-driver/version"
