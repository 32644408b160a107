package resp

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/metrics"
	"syscall"
	"time"

	"cairn/fsm/replica"
)

func infoServer(w *infoWriter, s *Server, st replica.Status) {
	_, port, _ := net.SplitHostPort(s.o.Advertise)
	up := time.Since(s.start)
	executable, _ := os.Executable()
	w.writeLine("redis_version", redisVersion)
	w.writeLine("cairn_version", s.o.Version)
	w.writeLine("redis_git_sha1", "00000000")
	w.writeLine("redis_git_dirty", 0)
	w.writeLine("redis_build_id", 0)
	w.writeLine("redis_mode", "cluster")
	w.writeLine("os", runtime.GOOS+" "+runtime.GOARCH)
	w.writeLine("arch_bits", 32<<(^uint(0)>>63))
	w.writeLine("go_version", runtime.Version())
	w.writeLine("process_id", os.Getpid())
	w.writeLine("run_id", st.NodeID)
	w.writeLine("tcp_port", port)
	w.writeLine("server_time_usec", time.Now().UnixMicro())
	w.writeLine("uptime_in_seconds", int64(up/time.Second))
	w.writeLine("uptime_in_days", int64(up/(24*time.Hour)))
	w.writeLine("executable", executable)
	w.writeLine("config_file", "")
	w.writeLine("io_threads_active", 0)
}

// infoMemory counts what Go has in use or has not given back, and the cache of rows, of which Go knows nothing.
func infoMemory(w *infoWriter, _ *Server, st replica.Status) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	used := samples[0].Value.Uint64() + uint64(st.RowCacheBytes)
	resident := samples[1].Value.Uint64() - samples[2].Value.Uint64() + uint64(st.RowCacheBytes)
	w.writeLine("used_memory", used)
	w.writeLine("used_memory_human", human(used))
	w.writeLine("used_memory_rss", resident)
	w.writeLine("used_memory_rss_human", human(resident))
	w.writeLine("used_memory_lua", 0)
	w.writeLine("maxmemory", 0)
	w.writeLine("maxmemory_human", "0B")
	w.writeLine("maxmemory_policy", "noeviction")
	w.writeLine("mem_fragmentation_ratio", fmt.Sprintf("%.2f", float64(resident)/float64(max(used, 1))))
	w.writeLine("mem_allocator", "go")
}

// human writes a number of bytes as Redis does.
func human(n uint64) string {
	f := float64(n)
	for _, unit := range []string{"B", "K", "M", "G", "T"} {
		if f < 1024 {
			if unit == "B" {
				return fmt.Sprintf("%dB", n)
			}
			return fmt.Sprintf("%.2f%s", f, unit)
		}
		f /= 1024
	}
	return fmt.Sprintf("%.2fP", f)
}

// infoPersistence speaks of the Raft log and the snapshot record in Redis's terms: nothing is ever behind.
func infoPersistence(w *infoWriter, _ *Server, st replica.Status) {
	w.writeLine("loading", boolInt(st.Standing == replica.Joining))
	w.writeLine("async_loading", 0)
	w.writeLine("rdb_changes_since_last_save", 0)
	w.writeLine("rdb_bgsave_in_progress", 0)
	w.writeLine("rdb_last_bgsave_status", "ok")
	w.writeLine("aof_enabled", 1)
	w.writeLine("aof_rewrite_in_progress", 0)
	w.writeLine("aof_rewrite_scheduled", 0)
	w.writeLine("aof_last_bgrewrite_status", "ok")
	w.writeLine("aof_last_write_status", "ok")
}

func infoCPU(w *infoWriter, _ *Server, _ replica.Status) {
	var self, children syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &self)         // zeros are shown when it fails
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children) // the same
	for _, t := range []struct {
		name string
		at   syscall.Timeval
	}{
		{"used_cpu_sys", self.Stime}, {"used_cpu_user", self.Utime},
		{"used_cpu_sys_children", children.Stime}, {"used_cpu_user_children", children.Utime},
	} {
		w.writeLine(t.name, fmt.Sprintf("%d.%06d", t.at.Sec, t.at.Usec))
	}
}
