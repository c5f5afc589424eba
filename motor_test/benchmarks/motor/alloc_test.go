package motor_test

import "testing"

func BenchmarkOperations(b *testing.B) {
	all := answers()
	all["find"] = all["aggregate"]
	for _, r := range operations(b, connect(b, startPeer(b, all))) {
		for _, c := range r.contestants {
			b.Run(r.name+"/"+c.name, func(b *testing.B) {
				b.ReportAllocs()
				c.do(b.N)
			})
		}
	}
}
