// Package seams tests the places where two mechanisms meet. It combines everything that can wait with everything that
// can end a wait, in both styles. TestSeams generates its cases from two lists.
package seams
