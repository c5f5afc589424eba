package apart

const b = 1
