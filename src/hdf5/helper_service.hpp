// What a helper does: answers the requests of the program with what HDF5 says of a file.
#pragma once

namespace collapscope::hdf5 {

// Until the program has closed its end; throws process::ChannelClosed then.
void serve_requests(int socket);

}  // namespace collapscope::hdf5
