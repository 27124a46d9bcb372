#include "parallel.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace simframe {

namespace {

size_t most_threads() {
    const size_t machine = std::max(1U, std::thread::hardware_concurrency());
    const char* wish = std::getenv("POLARS_MAX_THREADS");
    const long wanted = wish == nullptr ? 0 : std::strtol(wish, nullptr, 10);
    return wanted > 0 ? std::min(machine, static_cast<size_t>(wanted)) : machine;
}

// Threads that calls have started beside their own: the streaming engine makes several calls at once.
std::atomic<size_t> helpers_out{0};

size_t reserve_helpers(size_t wanted) {
    size_t out = helpers_out.load();
    for (;;) {
        const size_t allowed = most_threads() - 1, got = allowed > out ? std::min(wanted, allowed - out) : 0;
        if (helpers_out.compare_exchange_weak(out, out + got)) return got;
    }
}

}  // namespace

void over_rows(size_t rows, const std::function<RowWorker()>& make_worker) {
    std::atomic<size_t> next{0}, stop{rows};
    std::mutex lock;
    std::exception_ptr error;
    const auto work = [&] {
        size_t row = rows;
        try {
            const RowWorker worker = make_worker();
            // Rows are taken in order and finished once taken: the lowest failure is found whoever meets it.
            while ((row = next.fetch_add(1)) < stop.load()) worker(row);
        } catch (...) {
            const std::lock_guard<std::mutex> guard(lock);
            if (error == nullptr || row < stop.load()) {
                error = std::current_exception();
                stop.store(std::min(row, stop.load()));
            }
        }
    };
    const size_t helpers = rows > 1 ? reserve_helpers(rows - 1) : 0;
    std::vector<std::thread> threads;
    try {
        threads.reserve(helpers);
        for (size_t i = 0; i < helpers; ++i) threads.emplace_back(work);
    } catch (const std::exception&) {
        // The machine grants fewer threads than asked for: the rest of the work falls to those there are.
    }
    work();
    for (std::thread& thread : threads) thread.join();
    helpers_out.fetch_sub(helpers);
    if (error != nullptr) std::rethrow_exception(error);
}

}  // namespace simframe
