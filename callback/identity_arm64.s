//go:build gc

#include "textflag.h"

// func currentIdentity() identity
TEXT ·currentIdentity(SB), NOSPLIT, $0-8
	MOVD g, ret+0(FP)
	RET
