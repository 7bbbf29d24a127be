package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
)

// listenProfile serves profiles of the process, if it is asked to: of what it spends its time and memory on, for go tool pprof.
// Their labels and names are those of code; no request's content is in them.
func (s *server) listenProfile(ctx context.Context) error {
	if s.options.profile == "" {
		return nil
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", s.options.profile)
	if err != nil {
		return fmt.Errorf("listen for profiles on %s: %w", s.options.profile, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index) // and, by name, what package runtime/pprof has
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	s.profile = newHTTPServer(mux, operatorTimeout, s.options.logger)
	s.serve(s.profile, l)
	return nil
}
