// Package ext adds nothing to Traefik's configuration. The module that Traefik replaces by a folder
// of its repository is not part of the module that a registry has.
package ext

// HTTP adds no settings.
type HTTP struct{}

// Router adds no settings.
type Router struct{}
