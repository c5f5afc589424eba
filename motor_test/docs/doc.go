// Package docs holds the test of the documentation: each public identifier has a comment, each public type an Example.
package docs
