package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"cairn/fsm/replica"
	"cairn/storage"
)

// ErrRefused is returned by Start when the options are wrong, or the directory contradicts them.
var ErrRefused = errors.New("node: cannot start")

// identityFile says whose directory it is.
const identityFile = "identity.json"

// The other things in a node's directory.
const (
	stateDir = "state"
	logDir   = "log"
)

// identity is the content of identityFile. It is written once, before anything else.
type identity struct {
	Format int      `json:"format"` // 1
	ID     string   `json:"id"`
	Peers  []string `json:"peers,omitempty"`  // the ids the cluster began with, sorted; none when it joined
	Joined bool     `json:"joined,omitempty"` // the node was to join a cluster
	New    bool     `json:"new,omitempty"`    // the operator has said that the cluster is a new one
}

// identify reads whose directory it is, and checks that the options agree. found is false for a new directory.
func identify(o Options) (id identity, found bool, err error) {
	path := o.FS.PathJoin(o.Dir, identityFile)
	b, err := storage.ReadFile(o.FS, path)
	if errors.Is(err, fs.ErrNotExist) {
		if foreign := foreignFiles(o); len(foreign) > 0 {
			return identity{}, false, fmt.Errorf("%w: %s is not a node's: it holds %s; give --dir a folder that is empty, or not there yet",
				ErrRefused, o.Dir, some(foreign))
		}
		if len(o.Join) > 0 {
			if o.ID == "" {
				return identity{}, false, fmt.Errorf("%w: a node that joins a cluster needs a name of its own: say --id", ErrRefused)
			}
			return identity{Format: 1, ID: o.ID, Joined: true}, false, nil
		}
		if o.ID == "" {
			o.ID = "n1"
		}
		return identity{Format: 1, ID: o.ID, Peers: peerIDs(o), New: o.NewCluster}, false, nil
	}
	if err != nil {
		return identity{}, false, fmt.Errorf("node: read %s: %w", path, err)
	}
	if err := json.Unmarshal(b, &id); err != nil || id.Format != 1 || id.ID == "" {
		return identity{}, true, fmt.Errorf("%w: %s is not an identity this program can read", ErrRefused, path)
	}
	if o.ID != "" && o.ID != id.ID {
		return identity{}, true, fmt.Errorf("%w: %s belongs to node %s, not to %s", ErrRefused, o.Dir, id.ID, o.ID)
	}
	if !id.Joined && len(o.Join) > 0 {
		return identity{}, true, fmt.Errorf("%w: %s belongs to the cluster that began with %s: start it without --join, or use an empty --dir to join another",
			ErrRefused, o.Dir, strings.Join(id.Peers, ", "))
	}
	if id.Joined && o.NewCluster {
		return identity{}, true, fmt.Errorf("%w: %s belongs to a node that joined its cluster: --new-cluster is for one that begins a cluster", ErrRefused, o.Dir)
	}
	return id, true, nil
}

// foreignFiles returns what a folder holds that no node has made, in the order of the names. Names with a dot in
// front, and lost+found, are the system's.
func foreignFiles(o Options) (foreign []string) {
	names, err := o.FS.List(o.Dir)
	if err != nil {
		return nil // it is not there, or what comes next says why not
	}
	for _, name := range names {
		switch {
		case name == identityFile, name == stateDir, name == logDir, name == "lost+found":
		case strings.HasPrefix(name, "."), strings.HasPrefix(name, identityFile+"."), strings.HasPrefix(name, backupPrefix):
		default:
			foreign = append(foreign, name)
		}
	}
	slices.Sort(foreign)
	return foreign
}

// some names the first few of many.
func some(names []string) string {
	const few = 4
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// began reports whether the options name the peers that the cluster began with. Others can only say where its members
// are now.
func (id identity) began(o Options) bool { return slices.Equal(peerIDs(o), id.Peers) }

func peerIDs(o Options) []string {
	peers := o.Peers
	if len(peers) == 0 {
		peers = []replica.Peer{{ID: o.ID}}
	}
	var ids []string
	for _, p := range peers {
		ids = append(ids, p.ID)
	}
	slices.Sort(ids)
	return ids
}

// writeFile makes the identity durable.
func (id identity) writeFile(o Options) error {
	b, err := json.MarshalIndent(id, "", "  ")
	if err == nil {
		err = storage.WriteFile(o.FS, o.FS.PathJoin(o.Dir, identityFile), append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("node: write identity: %w", err)
	}
	return nil
}
