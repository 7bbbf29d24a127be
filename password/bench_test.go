package password_test

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"muster/password"
)

// BenchmarkPool compares the pool, fed by one goroutine, with Argon2id alone on as many goroutines as there are
// processors. They take turns within a run, so that a machine that is busy with other things weighs on both. What counts
// are the two rates and their ratio, which should be 0.95 or more.
func BenchmarkPool(b *testing.B) {
	const round = 48 // about a second on two cores
	var bare, pooled time.Duration
	pool, err := password.NewPool(password.Hasher{}, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	n := 0
	for b.Loop() {
		bare += hashBare(round)
		pooled += hashPooled(b, pool, round)
		n += round
	}
	b.ReportMetric(float64(n)/bare.Seconds(), "bare/s")
	b.ReportMetric(float64(n)/pooled.Seconds(), "pool/s")
	b.ReportMetric(bare.Seconds()/pooled.Seconds(), "pool:bare")
}

func hashBare(n int) time.Duration {
	p := password.DefaultParams()
	begin := time.Now()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				argon2.IDKey([]byte("Q!@1assword"), make([]byte, 16), p.Passes, p.MemoryKiB, p.Lanes, 32)
			}
		})
	}
	wg.Wait()
	return time.Since(begin)
}

func hashPooled(b *testing.B, pool *password.Pool, n int) time.Duration {
	begin := time.Now()
	var wg sync.WaitGroup
	wg.Add(n)
	for range n {
		err := pool.Submit(b.Context(), password.Bulk, []byte("Q!@1assword"), func(_ string, err error) {
			if err != nil {
				b.Error(err)
			}
			wg.Done()
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	wg.Wait()
	return time.Since(begin)
}

// BenchmarkVerifyAtLimits has the dearest hash of each format that is accepted, with the longest password that counts.
func BenchmarkVerifyAtLimits(b *testing.B) {
	for name, encoded := range map[string]string{
		"argon2id":    "$argon2id$v=19$m=131072,t=4,p=1$" + zero16 + "$" + zero32,
		"argon2i":     argon2iOf("m=131072,t=4,p=1"),
		"bcrypt":      "$2b$13$" + strings.Repeat(".", 53),
		"scrypt":      "$scrypt$ln=17,r=8,p=1$" + zero16 + "$" + zero32,
		"firebase":    "$firebase-scrypt$ln=17,r=8$" + zero16 + "$" + zero64,
		"sha1":        "$pbkdf2-sha1$i=2000000$" + zero16 + "$" + zero20,
		"sha256":      "$pbkdf2-sha256$i=2000000$" + zero16 + "$" + zero32,
		"sha512":      "$pbkdf2-sha512$i=1000000$" + zero16 + "$" + zero64,
		"ssha512":     "{SSHA512}" + strings.Repeat("A", 128),
		"md5crypt":    "$apr1$saltsalt$" + strings.Repeat(".", 22),
		"sha256crypt": "$5$rounds=700000$sixteencharsalt.$" + strings.Repeat(".", 43),
		"sha512crypt": "$6$rounds=700000$sixteencharsalt.$" + strings.Repeat(".", 86),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			shown := []byte(strings.Repeat("y", 128))
			for b.Loop() {
				if _, _, err := (password.Hasher{}).Verify(encoded, shown); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
