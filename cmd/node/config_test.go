package node

import (
	"reflect"
	"strings"
	"testing"

	"cairn/fsm/replica"
)

// TestConfig: every option that is no secret, and not for programs that embed a node, is shown as it is set.
func TestConfig(t *testing.T) {
	full := Options{
		Peers: []replica.Peer{{ID: "n1", Addr: "h:1"}, {ID: "n2", Addr: "h:2"}}, Join: []string{"h:3", "h:4"},
	}
	elsewhere := map[string]bool{ // shown by package resp, a secret, or not an operator's
		"Peers": true, "Join": true, "MaxClients": true, "ProtoMaxBulkLen": true, "RequirePass": true, "ClusterSecret": true,
		"Unprotected": true, "Logger": true, "LogLevel": true, "FoundingWait": true, "TrailingLogs": true,
		"Listener": true, "Dial": true, "FS": true, "Clock": true,
	}
	plain := full.config()
	for name, want := range map[string]string{"cairn-peers": "n1=h:1,n2=h:2", "cairn-join": "h:3,h:4"} {
		if plain[name] != want {
			t.Errorf("%s is %q, want %q", name, plain[name], want)
		}
	}
	fields := reflect.TypeFor[Options]()
	for i := range fields.NumField() {
		field := fields.Field(i)
		if elsewhere[field.Name] {
			continue
		}
		o := full
		switch f := reflect.ValueOf(&o).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString("word")
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int, reflect.Int64:
			f.SetInt(7_000_000)
		case reflect.Uint8, reflect.Uint64:
			f.SetUint(1)
		default:
			t.Fatalf("%s is a %v", field.Name, f.Kind())
		}
		var changed []string
		for name, value := range o.config() {
			if value != plain[name] {
				changed = append(changed, name+" "+value)
			}
		}
		if len(changed) != 1 {
			t.Errorf("%s changes %q", field.Name, changed)
		}
	}
	full.RequirePass, full.ClusterSecret = "hidden", "hidden"
	for name, value := range full.config() {
		if strings.Contains(value, "hidden") {
			t.Errorf("%s shows a secret", name)
		}
	}
}
