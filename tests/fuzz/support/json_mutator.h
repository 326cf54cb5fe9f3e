// Changes an input as the JSON that it is, so that most of what a target sees still parses: random bytes
// alone leave nearly everything behind the parser untouched.
#pragma once

#include <cstddef>
#include <cstdint>

namespace checkout {

/// For LLVMFuzzerCustomMutator: one change to the JSON text after `lines` lines, in place, and now and then
/// to any byte of the input, as always where there is no JSON. Returns the new size.
std::size_t mutate_json(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed,
                        std::size_t lines = 0);

} // namespace checkout
