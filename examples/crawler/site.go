package main

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// site is a site with three mirrors. It makes trouble: the first request for /search gets no answer, and the first two
// for /blog fail.
type site struct {
	mirrors []string // their addresses
	servers []*http.Server

	mu    sync.Mutex
	asked map[string]int // how often each page was requested
}

// links has the links of each page.
var links = map[string][]string{
	"/":          {"/docs", "/blog", "/search"},
	"/docs":      {"/docs/api", "/docs/tour", "/"},
	"/docs/api":  {"/docs/api/future", "/docs/api/motor"},
	"/docs/tour": {"/docs"},
	"/blog":      {"/blog/1", "/blog/2", "/blog/3", "/blog/4"},
	"/blog/1":    {"/blog/2"},
	"/search":    {"/docs/tour", "/about"},
}

func serve() (*site, error) {
	s := &site{asked: make(map[string]int)}
	for _, distance := range []time.Duration{60 * time.Millisecond, 0, 30 * time.Millisecond} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		server := &http.Server{Handler: s.mirror(distance)}
		s.servers = append(s.servers, server)
		s.mirrors = append(s.mirrors, "http://"+listener.Addr().String())
		go server.Serve(listener)
	}
	return s, nil
}

func (s *site) close() (err error) {
	for _, server := range s.servers {
		err = errors.Join(err, server.Close())
	}
	return err
}

// mirror answers requests after the time that they need to travel.
func (s *site) mirror(distance time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked[r.URL.Path]++
		asked := s.asked[r.URL.Path]
		s.mu.Unlock()
		switch page := r.URL.Path; {
		case page == "/search" && asked == 1:
			<-r.Context().Done() // until the client leaves
			return
		case page == "/blog" && asked <= 2:
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		select {
		case <-time.After(distance):
		case <-r.Context().Done():
			return
		}
		_ = json.NewEncoder(w).Encode(links[r.URL.Path]) // null for a page without links
	}
}
