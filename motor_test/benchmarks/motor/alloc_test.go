package motor_test

import "testing"

func BenchmarkOperations(b *testing.B) {
	all := answers()
	all["find"] = all["aggregate"]
	for _, r := range operations(b, connect(b, startPeer(b, all))) {
		for _, c := range r.Contestants {
			b.Run(r.Name+"/"+c.Name, func(b *testing.B) {
				b.ReportAllocs()
				c.Do(b.N)
			})
		}
	}
}
