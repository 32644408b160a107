package resp

import (
	"fmt"
	"strings"
	"testing"

	"cairn/fsm/replica"
)

// TestWatched holds what a sentinel of ours says of the cluster, in the words and in the order of Redis's.
func TestWatched(t *testing.T) {
	leaderless := func(st *replica.Status) { st.LeaderID, st.LeaderAddr = "", "" }
	leads := func(i int) func(st *replica.Status) {
		return func(st *replica.Status) {
			st.Term++
			if st.State = "follower"; i == 0 {
				st.State = "leader"
			}
			for k := range st.Members {
				m := &st.Members[k]
				if m.Leader = k == i; m.Leader {
					st.LeaderID, st.LeaderAddr = m.ID, m.Addr
				}
			}
		}
	}
	answers := func(i int, yes bool) func(st *replica.Status) {
		return func(st *replica.Status) { st.Members[i].Connected = yes }
	}
	id := replica.NodeID
	const of1, of2, of3 = " @ mine 10.0.0.1 7001", " @ mine 10.0.0.2 7002", " @ mine 10.0.0.3 7003"
	const n1, n2, n3 = "slave 10.0.0.1:7001 10.0.0.1 7001", "slave 10.0.0.2:7002 10.0.0.2 7002", "slave 10.0.0.3:7003 10.0.0.3 7003"
	for name, test := range map[string]struct {
		changes []func(st *replica.Status) // n2 looks after each
		want    string
	}{
		"nothing":       {[]func(*replica.Status){func(*replica.Status) {}}, ""},
		"an election":   {[]func(*replica.Status){leaderless, leads(1)}, "+new-epoch 8"},
		"a hand-over":   {[]func(*replica.Status){leaderless, leads(2)}, "+new-epoch 8\n-role-change " + n3 + of1 + " new reported role is master\n+config-update-from sentinel " + id("n3") + " 10.0.0.3 7003" + of1 + "\n+switch-master mine 10.0.0.1 7001 10.0.0.3 7003\n+slave " + n2 + of3 + "\n+slave " + n1 + of3},
		"to this node":  {[]func(*replica.Status){leads(0)}, "+new-epoch 8\n-role-change " + n2 + of1 + " new reported role is master\n+promoted-slave " + n2 + of1 + "\n+switch-master mine 10.0.0.1 7001 10.0.0.2 7002\n+slave " + n3 + of2 + "\n+slave " + n1 + of2},
		"by another id": {[]func(*replica.Status){func(st *replica.Status) { st.Members[1].Addr = "10.0.0.9:7001" }}, "-role-change slave 10.0.0.9:7001 10.0.0.9 7001" + of1 + " new reported role is master\n+config-update-from sentinel " + id("n1") + " 10.0.0.9 7001" + of1 + "\n+switch-master mine 10.0.0.1 7001 10.0.0.9 7001\n+slave " + n2 + " @ mine 10.0.0.9 7001\n+slave " + n3 + " @ mine 10.0.0.9 7001"},
		"a death": {[]func(*replica.Status){leaderless, answers(1, false), leaderless, leads(2), answers(1, true)},
			"+sdown master mine 10.0.0.1 7001\n+new-epoch 8\n-role-change " + n3 + of1 + " new reported role is master\n+config-update-from sentinel " + id("n3") + " 10.0.0.3 7003" + of1 + "\n+switch-master mine 10.0.0.1 7001 10.0.0.3 7003\n+slave " + n2 + of3 + "\n+slave " + n1 + of3 + "\n+sdown " + n1 + of3 + "\n-sdown " + n1 + of3},
		"it comes back":      {[]func(*replica.Status){leaderless, answers(1, false), answers(1, true), leads(1)}, "+sdown master mine 10.0.0.1 7001\n+new-epoch 8\n-sdown master mine 10.0.0.1 7001"},
		"a replica":          {[]func(*replica.Status){answers(2, false), answers(2, false), answers(2, true)}, "+sdown " + n3 + of1 + "\n-sdown " + n3 + of1},
		"a new node":         {[]func(*replica.Status){func(st *replica.Status) { st.Members = append(st.Members, member("n4", "10.0.0.4:7004")) }}, "+slave slave 10.0.0.4:7004 10.0.0.4 7004" + of1 + "\n+sentinel sentinel " + id("n4") + " 10.0.0.4 7004" + of1},
		"a master that left": {[]func(*replica.Status){leads(2), func(st *replica.Status) { st.Members = append(st.Members[:1], st.Members[2:]...) }}, "+new-epoch 8\n-role-change " + n3 + of1 + " new reported role is master\n+config-update-from sentinel " + id("n3") + " 10.0.0.3 7003" + of1 + "\n+switch-master mine 10.0.0.1 7001 10.0.0.3 7003\n+slave " + n2 + of3 + "\n+slave " + n1 + of3},
	} {
		t.Run(name, func(t *testing.T) {
			b := &fakeBackend{}
			b.setStatus(threeNodes())
			s := NewServer(Options{Backend: b, Advertise: "10.0.0.2:7002"})
			w := watch("mine", s.clusterMap())
			var got []string
			st := threeNodes()
			for _, change := range test.changes {
				change(&st)
				b.setStatus(st)
				for _, a := range w.look(s.clusterMap()) {
					got = append(got, fmt.Sprint(a.channel, " ", a.text))
				}
			}
			if strings.Join(got, "\n") != test.want {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), test.want)
			}
		})
	}
}
