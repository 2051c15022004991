// HDF5 in processes of its own, so that a damaged file cannot end the program.
#pragma once

namespace collapscope {

// From now on index_dump and open_rows leave to helpers what HDF5 has a part in: each file is opened by a
// process of its own, with as few rights as the system can be told and bounds of memory and time. Its crash
// is an InputError that names the file. Call it at the start of a program, while there is a single thread.
// Throws Error when no process can be made.
void isolate_hdf5();

// Ends the processes, as the end of the program does; no reader may be left that isolate_hdf5 came before.
void end_isolation();

}  // namespace collapscope
