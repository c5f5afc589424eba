package future_test

import (
	"context"
	"fmt"

	"github.com/gomotor/gomotor/future"
)

// A socket can send one request at a time.
func ExampleEnqueue() {
	pool, _ := future.NewPool(4)
	defer pool.Close()
	var socket future.Sequence
	request := func(s string) *future.Future[string] {
		return future.Enqueue(&socket, func() *future.Future[string] {
			return future.Go(ctx, pool, func(context.Context) (string, error) { fmt.Println("sent", s); return "answer to " + s, nil })
		})
	}
	answers, err := future.All(request("a"), request("b"), request("c")).Await(ctx)
	fmt.Println(answers, err)
	// Output:
	// sent a
	// sent b
	// sent c
	// [answer to a answer to b answer to c] <nil>
}

// Two operations share a file. Each waits for its turn in its function, and lends its slot meanwhile.
func ExampleSequence() {
	pool, _ := future.NewPool(1)
	defer pool.Close()
	var file future.Sequence
	write := func(s string) *future.Future[int] {
		ticket := file.Reserve()
		f, err := future.Start(ctx, pool, future.Op[int]{
			Run: func(own context.Context) (int, error) {
				if err := ticket.Wait(own); err != nil {
					return 0, err
				}
				return fmt.Println("write", s)
			},
			Ended: ticket.Release,
		})
		if err != nil {
			ticket.Release()
			return future.Rejected[int](err)
		}
		return f
	}
	_, err := future.All(write("a"), write("b")).Await(ctx)
	fmt.Println(err)
	// Output:
	// write a
	// write b
	// <nil>
}

func ExampleSequence_TryReserve() {
	var buffer future.Sequence
	if ticket := buffer.TryReserve(); ticket != nil {
		fmt.Println("added to the buffer")
		ticket.Release()
	}
	// Output: added to the buffer
}

func ExampleReserveBoth() {
	var cursor, session future.Sequence
	inCursor, inSession := future.ReserveBoth(&cursor, &session)
	defer inCursor.Release()
	defer inSession.Release()
	fmt.Println(inCursor.Wait(ctx), inSession.Wait(ctx))
	// Output: <nil> <nil>
}

// User code that runs inside an operation may use the sequence of the operation, because its turn is lent.
func ExampleTicket_Lend() {
	var session future.Sequence
	upload := session.Reserve()
	_ = upload.Wait(ctx)
	upload.Lend(ctx, func() {
		find := session.Reserve()
		fmt.Println(find.Wait(ctx))
		find.Release()
	})
	upload.Release()
	// Output: <nil>
}

func ExampleTicket_Do() {
	var session future.Sequence
	find := session.Reserve()
	_ = find.Wait(ctx)
	fmt.Println(session.Reserve().Do(func() { fmt.Println("ended") }))
	find.Release()
	// Output:
	// false
	// ended
}

func ExampleSequence_Reserve() {
	var file future.Sequence
	first, second := file.Reserve(), file.Reserve()
	first.Release()
	fmt.Println(second.Wait(ctx))
	// Output: <nil>
}

func ExampleSequence_Idle() {
	var file future.Sequence
	ticket := file.Reserve()
	fmt.Println(file.Idle())
	ticket.Release()
	fmt.Println(file.Idle())
	// Output:
	// false
	// true
}

func ExampleTicket_Wait() {
	var file future.Sequence
	first, second := file.Reserve(), file.Reserve()
	soon, cancel := context.WithTimeout(ctx, 1)
	defer cancel()
	fmt.Println(second.Wait(soon))
	first.Release()
	// Output: context deadline exceeded
}

func ExampleTicket_Release() {
	var file future.Sequence
	ticket := file.Reserve()
	defer ticket.Release() // a second call does nothing
	ticket.Release()
	// Output:
}

func ExampleTicket_Withdraw() {
	var file future.Sequence
	first, second := file.Reserve(), file.Reserve()
	fmt.Println(first.Wait(ctx), first.Withdraw(), second.Withdraw())
	first.Release()
	// Output: <nil> false true
}
